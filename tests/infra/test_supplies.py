"""What a stack has beside its colors: bucket, log groups, endpoints, cache, repository, secrets, scaling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.endpoints import INTERFACES
from infra.repository import LIVE, lifecycle
from tests.infra.schema import arguments_of, faults
from tests.infra.test_access import EVERYTHING, KEYS, SECRETS
from tests.infra.world import REGION, World, refused, stack_file, with_standby

DEV = stack_file("dev")
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


# How Pulumi marks a secret on the wire.
SECRET, MARK = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def _bare(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and SECRET in value else value


def everything(config: dict[str, Any] | None = None) -> World:
    return World(secrets=dict(SECRETS), secret_keys=dict(KEYS)).up(config or EVERYTHING)


@pytest.fixture(scope="module")
def whole() -> World:
    """A stack with all of it, to look at."""
    return everything()


def test_all_of_it_is_registered_as_the_provider_has_it(whole: World) -> None:
    found = []
    for one in whole.resources:
        if one.type.startswith("aws:"):
            plain = {key: _bare(value) for key, value in one.inputs.items()}
            found += list(faults(plain, arguments_of(one.type), one.name))
    assert found == []


# The bucket of the bundles.


def test_bundles_are_private_versioned_encrypted_and_reached_by_tls_only(first: World) -> None:
    assert {key: value for key, value in first.one("bundles-access").inputs.items() if key != "bucket"} == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert first.one("bundles-owner").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert first.one("bundles-versions").inputs["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = first.one("bundles-encryption").inputs["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    policy = json.loads(first.one("bundles-policy").inputs["policy"])["Statement"]
    whole = ["arn:aws:s3:::bundles-0a1b2c3", "arn:aws:s3:::bundles-0a1b2c3/*"]
    assert [(one["Effect"], one["Principal"], one["Action"], one["Resource"]) for one in policy] == [
        ("Deny", "*", "s3:*", whole)
    ] * 2
    assert [one["Condition"] for one in policy] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ]
    parts = [one for one in first.resources if one.name.startswith("bundles-")]
    assert {one.inputs["bucket"] for one in parts} == {"bundles-0a1b2c3"}


def test_nothing_in_the_bucket_ever_expires(first: World) -> None:
    (rule,) = first.one("bundles-lifecycle").inputs["rules"]
    assert set(rule) == {"id", "status", "filter", "abortIncompleteMultipartUpload"}


@pytest.mark.parametrize(("stack", "force"), [("dev", True), ("prod", False)])
def test_a_protected_stack_keeps_what_people_put_into_the_bucket(world: World, stack: str, force: bool) -> None:
    assert world.up(stack_file(stack), stack).one("bundles").inputs["forceDestroy"] is force


def test_the_buckets_name_says_whose_it_is_in_signs_that_s3_takes(first: World) -> None:
    assert first.one("bundles").inputs["bucketPrefix"] == "bluegreen-shop-dev-"
    assert "bucket" not in first.one("bundles").inputs
    long = World().up({**DEV}, "A_very.long-name-of-a-stack-that-has-no-end").one("bundles").inputs["bucketPrefix"]
    assert long == "bluegreen-shop-a-very-long-name-of-a-"
    assert len(long) <= 37


# Log groups.


def test_each_color_has_a_log_group_whose_lines_end_one_day(world: World) -> None:
    world.up({**DEV, "bluegreen:logRetention": "90"})
    for color in ("blue", "green"):
        group = world.one(f"logs-{color}").inputs
        assert (group["name"], group["retentionInDays"]) == (f"/bluegreen/shop/dev/{color}", 90)


def test_a_group_launches_nothing_before_its_role_and_its_log_are_there(first: World) -> None:
    assert {"blue-1-policy", "logs-blue"} <= first.one("blue-1-group").needs


# Endpoints.


def test_endpoints_serve_the_private_subnets_under_the_services_own_names(whole: World) -> None:
    found = {one.inputs["serviceName"]: one.inputs for one in whole.of_type(ENDPOINT)}
    assert set(found) == {f"com.amazonaws.{REGION}.{service}" for service in ("s3", *INTERFACES)}
    gateway = found.pop(f"com.amazonaws.{REGION}.s3")
    assert (gateway["vpcEndpointType"], gateway["routeTableIds"]) == (
        "Gateway",
        ["rtb-of-subnet-c", "rtb-of-subnet-d"],
    )
    for one in found.values():
        assert (one["vpcEndpointType"], one["privateDnsEnabled"]) == ("Interface", True)
        assert (one["subnetIds"], one["securityGroupIds"]) == (["subnet-c", "subnet-d"], ["endpoints-access-id"])


def test_the_route_tables_are_those_of_the_private_subnets_also_in_an_existing_vpc() -> None:
    network = {
        "endpoints": True,
        "vpc": "vpc-0123456789abcdef0",
        "publicSubnets": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
        "privateSubnets": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    }
    world = everything({**EVERYTHING, "bluegreen:network": network})
    assert world.one("endpoints-s3").inputs["routeTableIds"] == [f"rtb-of-{one}" for one in network["privateSubnets"]]
    (asked,) = [args for token, args in world.invoked if token == "aws:ec2/getRouteTables:getRouteTables"]
    assert asked["vpcId"] == network["vpc"]


def test_a_group_launches_nothing_before_the_endpoints_are_there(whole: World) -> None:
    assert {one.name for one in whole.of_type(ENDPOINT)} <= whole.one("blue-1-group").dependencies


def test_endpoints_take_the_place_of_nat(world: World) -> None:
    config = {**EVERYTHING, "bluegreen:network": {"endpoints": True}}
    assert everything(config).of_type("awsx:ec2:Vpc")[0].inputs["natGateways"] == {"strategy": "None"}
    assert world.up(DEV).of_type(ENDPOINT) == []


@pytest.mark.parametrize(("name", "port"), [("cache", 6379), ("endpoints", 443)])
def test_what_stands_behind_is_open_to_the_colors_instances_and_to_nobody_else(
    whole: World, name: str, port: int
) -> None:
    rules = [one.inputs for one in whole.of_type(INGRESS) if one.inputs["securityGroupId"] == f"{name}-access-id"]
    assert {rule["referencedSecurityGroupId"] for rule in rules} == {
        "blue-compose-instances-id",
        "green-compose-instances-id",
    }
    assert {(rule["fromPort"], rule["toPort"], rule["ipProtocol"]) for rule in rules} == {(port, port, "tcp")}
    assert not any("cidrIpv4" in rule or "cidrIpv6" in rule for rule in rules)
    assert not {"ingress", "egress"} & set(whole.one(f"{name}-access").inputs)


# The cache.


def test_the_cache_is_private_speaks_tls_only_and_asks_for_its_token(whole: World) -> None:
    group = whole.one("cache").inputs
    assert (group["transitEncryptionEnabled"], group["atRestEncryptionEnabled"]) == (True, True)
    assert group["authToken"] == {SECRET: MARK, "value": SECRETS["shop/cache"]}
    assert group["authTokenUpdateStrategy"] == "ROTATE"
    assert group["securityGroupIds"] == ["cache-access-id"]
    assert group["subnetGroupName"] == "cache-subnets-0a1b2c3"
    assert whole.one("cache-subnets").inputs["subnetIds"] == ["subnet-c", "subnet-d"]
    assert (group["engine"], group["engineVersion"], group["nodeType"]) == ("valkey", "8.0", "cache.t4g.micro")


@pytest.mark.parametrize(("replicas", "several"), [(0, False), (2, True)])
def test_a_cache_with_replicas_fails_over(replicas: int, several: bool) -> None:
    chosen = {"token": {"secret": "shop/cache"}, "replicas": replicas}
    group = everything({**EVERYTHING, "bluegreen:cache": chosen}).one("cache").inputs
    assert group["numCacheClusters"] == 1 + replicas
    assert (group["automaticFailoverEnabled"], group["multiAzEnabled"]) == (several, several)


def test_a_cache_stays_as_it_is_whatever_releases_do(whole: World) -> None:
    before = whole.one("cache")
    again = with_standby(everything(), EVERYTHING)
    assert again.one("cache").inputs == before.inputs


# Secrets.


def test_a_secret_that_the_stack_makes_has_no_value(whole: World) -> None:
    assert whole.one("secret-shop/new").inputs == {
        "name": "shop/new",
        "description": "shop dev: read by its instances",
        "tags": {"team": "shop", "bluegreen:project": "shop", "bluegreen:stack": "dev"},
    }
    assert [one.name for one in whole.resources if "secretVersion" in one.type] == []


def test_no_value_of_a_secret_is_anywhere_but_in_the_caches_token(whole: World) -> None:
    for one in whole.resources:
        if one.name != "cache":
            assert SECRETS["shop/cache"] not in json.dumps(one.inputs), one.name


@pytest.mark.parametrize("name", ["shop/database", "shop/api", "shop/cache"])
def test_a_secret_that_is_not_there_is_told_before_anything_is_made(name: str) -> None:
    world = World(secrets={key: text for key, text in SECRETS.items() if key != name})
    refusal = refused(world, EVERYTHING)
    assert (refusal.refused.code, refusal.refused.what) == ("secret-not-found", f"the secret {name} can't be read")


@pytest.mark.parametrize("text", ["not json", "[]", '{"other": "x"}', '"text"'])
def test_a_cache_token_without_the_key_is_told_before_anything_is_made(text: str) -> None:
    config = {**DEV, "bluegreen:cache": {"token": {"secret": "shop/cache", "key": "token"}}}
    refusal = refused(World(secrets={"shop/cache": text}), config)
    assert refusal.refused.code == "secret-without-key"
    assert text not in str(refusal)


def test_secrets_are_asked_for_where_a_release_is_made_and_not_in_every_update() -> None:
    world = everything({**DEV, "bluegreen:secrets": {"API_KEY": {"secret": "shop/api"}}})
    asked = "aws:secretsmanager/getSecret:getSecret"
    assert [args for token, args in world.invoked if token == asked] == [{"name": "shop/api"}]
    world.secrets.clear()
    world.up({**DEV, "bluegreen:secrets": {"API_KEY": {"secret": "shop/api"}}})
    assert asked not in [token for token, _ in world.invoked]


# The repository.


def test_a_repository_scans_what_is_pushed_and_keeps_tags_as_they_are(whole: World) -> None:
    repository = whole.one("repository").inputs
    assert (repository["name"], repository["imageTagMutability"]) == ("shop", "IMMUTABLE")
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert "forceDelete" not in repository
    assert whole.outputs["repository"].endswith("/shop")


def test_what_runs_is_out_of_reach_of_every_rule_that_expires_and_any_comes_last() -> None:
    rules = json.loads(lifecycle(10, 7))["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2, 3]
    live, untagged, newest = (rule["selection"] for rule in rules)
    # ECR: an image that fits a rule can't be expired by one behind it. A repository holds 100,000 images.
    assert (live["tagPrefixList"], live["countType"], live["countNumber"]) == ([LIVE], "imageCountMoreThan", 100_000)
    assert (untagged["tagStatus"], untagged["countUnit"], untagged["countNumber"]) == ("untagged", "days", 7)
    assert (newest["tagStatus"], newest["countType"], newest["countNumber"]) == ("any", "imageCountMoreThan", 10)


def test_a_repository_is_made_only_where_it_is_asked_for(first: World) -> None:
    assert first.of_type("aws:ecr/repository:Repository") == []


# Scaling.


def test_capacity_follows_cpu_and_requests_in_both_colors() -> None:
    world = with_standby(everything(), EVERYTHING)
    for name in ("blue-1", "green-2"):
        cpu, requests = (world.one(f"{name}-{key}").inputs for key in ("cpu", "requests"))
        assert cpu["autoscalingGroupName"] == requests["autoscalingGroupName"] == f"{name}-group-0a1b2c3"
        assert cpu["policyType"] == requests["policyType"] == "TargetTrackingScaling"
        tracked = [one["targetTrackingConfiguration"] for one in (cpu, requests)]
        assert [one["targetValue"] for one in tracked] == [60, 1000]
        color = name.partition("-")[0]
        assert [one["predefinedMetricSpecification"] for one in tracked] == [
            {"predefinedMetricType": "ASGAverageCPUUtilization"},
            {
                "predefinedMetricType": "ALBRequestCountPerTarget",
                "resourceLabel": f"app/balancer/1/targetgroup/{color}-compose-targets/1",
            },
        ]


def test_scaling_follows_the_settings_at_once_and_changes_no_release() -> None:
    world = with_standby(everything(), EVERYTHING)
    before = world.deployed.record
    world.up({**EVERYTHING, "bluegreen:scaling": {"cpu": 50}})
    policy = world.one("blue-1-cpu")
    assert policy.inputs["targetTrackingConfiguration"]["targetValue"] == 50
    assert policy.ignored == ()
    assert world.named("blue-1-requests") == []
    assert world.deployed.record == before


def test_the_floor_is_the_groups_minimum_whatever_it_follows() -> None:
    world = with_standby(everything(), EVERYTHING)
    assert [world.one(f"{name}-group").inputs["minSize"] for name in ("blue-1", "green-2")] == [2, 2]


def test_without_scaling_there_is_no_policy(first: World) -> None:
    assert first.of_type("aws:autoscaling/policy:Policy") == []
