"""What a stack's roles and policies allow: each `*` with its reason, everything else on one thing by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.access import Needs, Place, instance_policy, trust
from infra.images import parse_image
from tests.infra.world import ACCOUNT, REGION, SHA, World, bundle_of, secret_arn, stack_file, with_standby

DEV = stack_file("dev")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/6a7d3c52-0b6e-4f0c-9a31-1f2e3d4c5b6a"
EVERYTHING: dict[str, Any] = {
    **DEV,
    "bluegreen:network": {"endpoints": True, "nat": "single"},
    "bluegreen:secrets": {
        "DB_PASSWORD": {"secret": "shop/database", "key": "password"},
        "DB_USER": {"secret": "shop/database", "key": "user"},
        "API_KEY": {"secret": "shop/api"},
        "NEW": {"secret": "shop/new", "create": True},
    },
    "bluegreen:cache": {"token": {"secret": "shop/cache"}},
    "bluegreen:registry": {"create": True},
    "bluegreen:scaling": {"cpu": 60, "requests": 1000},
    "bluegreen:workers": [{"name": "mail", "command": "work --fast"}],
    "bluegreen:compose": {
        **DEV["bluegreen:compose"],
        "mirror": "s3://files/compose",
        "nginx": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nginx@{SHA}",
    },
}
SECRETS = {"shop/database": '{"password": "x", "user": "y"}', "shop/api": "x", "shop/cache": "token-of-the-cache"}
KEYS = {"shop/api": KEY, "shop/cache": "alias/cache"}

# (where, Sid, action, resource as far as its star) -> why it can't be narrower.
REASONS = {
    ("role", "Session", "*"): "Session Manager's calls know no resources (service authorization reference)",
    ("role", "Log", "log-group:/bluegreen/shop/dev/<color>:*"): "the streams of one log group, its own",
    (
        "role",
        "Hook",
        "autoScalingGroup:*:autoScalingGroupName/<color>-<fill>-group-*",
    ): "the group is made after the policy and has signs of Pulumi's in its name; the tags name project and stack",
    ("role", "Metrics", "*"): "PutMetricData knows no resources; the condition names the one namespace",
    ("role", "OwnTags", "*"): "DescribeTags knows no resources; tags hold no secrets",
    ("role", "RegistryLogin", "*"): "GetAuthorizationToken knows no resources; what it opens is under Pull",
    ("role", "Tools", "compose/*"): "the files of one folder of the mirror, for either processor",
    ("role", "SecretKeysByAlias", "key/*"): "a key known by alias; the condition names the alias and Secrets Manager",
    ("bucket", "TlsOnly", "/*"): "a refusal: for everybody, of everything in the bucket",
    ("bucket", "NoOldTls", "/*"): "a refusal: for everybody, of everything in the bucket",
}


def everything() -> World:
    world = World(secrets=dict(SECRETS), secret_keys=dict(KEYS)).up(EVERYTHING)
    return with_standby(world, EVERYTHING)


def statements(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of the graph, and what it hangs on: whichever input holds a policy document."""
    for one in world.resources:
        for text in one.inputs.values():
            if isinstance(text, str) and text.startswith("{") and '"Statement"' in text:
                for statement in json.loads(text)["Statement"]:
                    yield one.type, statement


def values(statement: dict[str, Any], key: str) -> list[str]:
    found = statement.get(key, [])
    return [found] if isinstance(found, str) else list(found)


def stars(world: World) -> set[tuple[str, str, str]]:
    found = set()
    for kind, statement in statements(world):
        if "AssumeRole" in str(statement["Action"]):
            assert "*" not in json.dumps(statement)
            continue
        where = {"aws:iam/rolePolicy:RolePolicy": "role", "aws:s3/bucketPolicy:BucketPolicy": "bucket"}[kind]
        if where == "role":
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in values(statement, "Action")), statement["Sid"]
            assert not {"NotAction", "NotResource"} & set(statement)
        for resource in values(statement, "Resource"):
            if "*" in resource:
                shown = resource.partition(f"{ACCOUNT}:")[2] or resource.partition(":::")[2].partition("/")[2] or "*"
                if where == "bucket":
                    assert statement["Effect"] == "Deny"
                    shown = "/*"
                for color, fill in (("blue", 1), ("green", 2)):
                    shown = shown.replace(f"{color}-{fill}", "<color>-<fill>").replace(f"dev/{color}", "dev/<color>")
                found.add((where, statement["Sid"], shown))
    return found


def test_every_star_of_the_graph_has_a_reason_and_no_other_is_there() -> None:
    assert stars(everything()) == set(REASONS)


def test_a_plain_stack_has_fewer() -> None:
    allowed = {key for key in REASONS if key[1] not in ("Tools", "SecretKeysByAlias")}
    plain = stars(World().up(DEV))
    assert plain <= allowed
    assert ("role", "Session", "*") in plain


def policy(world: World, name: str = "blue-1-policy") -> dict[str, dict[str, Any]]:
    """By Sid."""
    return {one["Sid"]: one for one in json.loads(world.one(name).inputs["policy"])["Statement"]}


def test_instances_and_no_one_else_may_take_the_role(first: World) -> None:
    (statement,) = json.loads(first.one("blue-1-role").inputs["assumeRolePolicy"])["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    assert trust("ecs-tasks.amazonaws.com") != trust("ec2.amazonaws.com")
    assert first.one("blue-1-policy").inputs["role"] == "blue-1-role-0a1b2c3"
    assert first.one("blue-1-profile").inputs["role"] == "blue-1-role-0a1b2c3"


def test_a_plain_release_may_do_what_its_boot_needs_and_nothing_else(first: World) -> None:
    found = policy(first)
    assert {sid: set(values(one, "Action")) for sid, one in found.items() if sid != "Bundle"} == {
        "Session": {
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        },
        "Log": {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
        "Hook": {"autoscaling:CompleteLifecycleAction"},
        "Metrics": {"cloudwatch:PutMetricData"},
        "OwnTags": {"ec2:DescribeTags"},
        "RegistryLogin": {"ecr:GetAuthorizationToken"},
        "Pull": {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
    }
    assert found["Pull"]["Resource"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop"
    assert found["Metrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "bluegreen/shop/dev"}}
    assert found["Hook"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/bluegreen:project": "shop", "aws:ResourceTag/bluegreen:stack": "dev"}
    }


def test_metrics_go_where_the_agent_puts_them(first: World) -> None:
    agent = json.loads(bundle_of(first, "blue-1")["agent.json"])
    assert policy(first)["Metrics"]["Condition"]["StringEquals"] == {
        "cloudwatch:namespace": agent["metrics"]["namespace"]
    }


def test_the_hooks_pattern_and_tags_fit_the_group_and_no_other_colors(first: World) -> None:
    pattern = policy(first)["Hook"]["Resource"].rpartition("/")[2]
    assert pattern == "blue-1-group-*"
    assert first.one("blue-1-group").name == pattern.removesuffix("-*")
    tags = {tag["key"]: tag["value"] for tag in first.one("blue-1-group").inputs["tags"]}
    conditions = policy(first)["Hook"]["Condition"]["StringEquals"]
    assert {key.partition("/")[2]: value for key, value in conditions.items()}.items() <= tags.items()


def test_a_bundle_is_read_in_the_one_version_that_the_template_names(first: World) -> None:
    found, held = policy(first)["Bundle"], first.one("blue-1-bundle").inputs
    assert found["Action"] == "s3:GetObjectVersion"
    assert found["Resource"] == f"arn:aws:s3:::bundles-0a1b2c3/{held['key']}"
    assert found["Condition"] == {"StringEquals": {"s3:VersionId": f"version-of-{first.one('blue-1-bundle').name}"}}


def test_tools_of_the_bundles_own_bucket_are_read_from_there() -> None:
    config = {**DEV, "bluegreen:compose": {**DEV["bluegreen:compose"], "mirror": "bundle"}}
    assert policy(World().up(config))["Tools"]["Resource"] == "arn:aws:s3:::bundles-0a1b2c3/tools/*"


def test_a_log_group_is_the_colors_own(first: World) -> None:
    name = first.one("logs-blue").inputs["name"]
    assert policy(first)["Log"]["Resource"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"


def test_secrets_are_read_by_arn_each_once_those_that_the_stack_makes_included() -> None:
    found = policy(everything(), "green-2-policy")
    assert found["Secrets"]["Action"] == "secretsmanager:GetSecretValue"
    assert found["Secrets"]["Resource"] == [
        secret_arn(name) for name in ("shop/database", "shop/api", "shop/new", "shop/cache")
    ]


def test_a_key_of_the_accounts_own_is_used_through_secrets_manager_only() -> None:
    found = policy(everything(), "green-2-policy")
    through = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    assert (found["SecretKeys"]["Resource"], found["SecretKeys"]["Condition"]) == (KEY, {"StringEquals": through})
    assert found["SecretKeysByAlias"]["Condition"] == {
        "StringEquals": through,
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/cache"]},
    }


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", None),
        ("alias/aws/secretsmanager", None),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/secretsmanager", None),
        ("6a7d3c52", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/6a7d3c52"),
        (KEY, KEY),
    ],
)
def test_a_secrets_key_however_aws_names_it(key: str, expected: str | None) -> None:
    config = {**DEV, "bluegreen:secrets": {"API_KEY": {"secret": "shop/api"}}}
    found = policy(World(secrets={"shop/api": "x"}, secret_keys={"shop/api": key}).up(config))
    assert found.get("SecretKeys", {}).get("Resource") == expected


def test_a_proxy_from_ecr_a_mirror_and_workers_each_add_just_their_own() -> None:
    found = policy(everything(), "green-2-policy")
    assert found["Pull"]["Resource"] == [
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop",
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/nginx",
    ]
    assert (found["Tools"]["Action"], found["Tools"]["Resource"]) == ("s3:GetObject", "arn:aws:s3:::files/compose/*")
    assert (found["Record"]["Action"], found["Record"]["Resource"]) == (
        "ssm:GetParameter",
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/bluegreen/shop/dev/record",
    )


def test_an_image_of_another_account_is_pulled_from_there_and_one_outside_ecr_needs_no_leave() -> None:
    place = Place(ACCOUNT, REGION)

    def of(*images: str) -> dict[str, Any]:
        needs = Needs(place, tuple(map(parse_image, images)), "l", "g", "n", ("shop", "dev"))
        return {one["Sid"]: one for one in json.loads(instance_policy(needs))["Statement"]}

    other = of(f"444455556666.dkr.ecr.us-east-1.amazonaws.com/base/shop@{SHA}")
    assert other["Pull"]["Resource"] == "arn:aws:ecr:us-east-1:444455556666:repository/base/shop"
    assert not {"Pull", "RegistryLogin"} & set(of(f"public.ecr.aws/shop@{SHA}"))


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_arns_are_of_the_regions_partition(region: str, partition: str) -> None:
    assert Place(ACCOUNT, region).arn("logs", "x") == f"arn:{partition}:logs:{region}:{ACCOUNT}:x"


def test_the_policy_fits_a_role_with_many_secrets() -> None:
    """IAM takes 10,240 characters without blanks in a role's inline policies."""
    arns = tuple(secret_arn(f"shop/production/secret-number-{number:03}") for number in range(60))
    needs = Needs(Place(ACCOUNT, REGION), (), "l", "g", "n", ("shop", "dev"), secrets=arns)
    assert len("".join(instance_policy(needs).split())) < 10_240
