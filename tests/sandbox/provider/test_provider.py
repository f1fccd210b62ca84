"""What is common to all resources: settings, names, tags, unknowns, lookups of types, errors."""

from __future__ import annotations

import re

import pytest

from sandbox.engine.protocol import UNKNOWN, Provider, ProviderError
from sandbox.provider import catalog, providers
from sandbox.provider.aws import AwsProvider
from sandbox.provider.clients import Clients
from sandbox.provider.resource import Job
from tests.sandbox.provider.life import Life

VPC, GROUP = "aws:ec2/vpc:Vpc", "aws:lb/targetGroup:TargetGroup"
TARGETS = {"port": 8080, "protocol": "HTTP", "vpcId": "vpc-1"}


def made(environ, **config):
    provider = AwsProvider(environ)
    provider.configure({"region": "us-east-1", **config})
    return provider


def test_both_packages_are_providers(environ):
    for name, make in providers(environ).items():
        provider = make()
        assert isinstance(provider, Provider)
        assert provider.name == name
        assert re.fullmatch(r"\d+\.\d+\.\d+", provider.version)


def test_versions_are_those_of_the_sdks(environ):
    import json
    from importlib.resources import files

    for name, make in providers(environ).items():
        plugin = json.loads(files(f"pulumi_{name}").joinpath("pulumi-plugin.json").read_text())
        assert make().version == plugin["version"]


@pytest.mark.parametrize(
    "endpoint", ["https://ec2.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.example.com:1", ""]
)
def test_only_this_machine_is_spoken_to(endpoint):
    with pytest.raises(ProviderError, match=r"sandbox on this machine"):
        AwsProvider({"AWS_ENDPOINT_URL": endpoint})


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "http://127.0.3.4:1", "http://localhost:1", "http://[::1]:1"]
)
def test_every_address_of_this_machine_will_do(endpoint):
    AwsProvider({"AWS_ENDPOINT_URL": endpoint})


def test_without_keys(environ):
    provider = AwsProvider({"AWS_ENDPOINT_URL": environ["AWS_ENDPOINT_URL"]})
    with pytest.raises(ProviderError, match="No valid credential sources found"):
        provider.configure({"region": "us-east-1"})
    provider.configure({"region": "us-east-1", "accessKey": "a", "secretKey": "b"})


def test_without_a_region(environ):
    provider = AwsProvider({**environ, "AWS_REGION": ""})
    checked = provider.check_config({})
    assert [failure.property for failure in checked.failures] == ["region"]
    assert not provider.check_config({"region": "eu-west-1"}).failures
    with pytest.raises(ProviderError, match="Missing region"):
        provider.configure({})


def test_a_region_from_the_environment_becomes_the_providers(environ):
    assert AwsProvider(environ).check_config({}).inputs["region"] == "us-east-1"


def test_an_account_that_is_not_allowed(environ):
    with pytest.raises(ProviderError, match="AWS account ID not allowed: 000000000000"):
        made(environ, allowedAccountIds='["123456789012"]')
    with pytest.raises(ProviderError, match="not allowed"):
        made(environ, forbiddenAccountIds=["000000000000"])
    made(environ, allowedAccountIds=["000000000000"])


def test_nobody_at_the_endpoint(environ):
    provider = made({**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(ProviderError, match=r"reading aws:index/getCallerIdentity.*EndpointConnectionError"):
        provider.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})


def test_unknown_types_and_functions_are_named(provider):
    life = Life(provider, "aws:sqs/queue:Queue")
    with pytest.raises(ProviderError, match=r"no resource aws:sqs/queue:Queue; it has .*aws:ec2/vpc:Vpc"):
        life.check({})
    with pytest.raises(ProviderError, match=r"no function aws:sqs/getQueue:getQueue; it has .*aws:ec2/getVpc:getVpc"):
        provider.invoke("aws:sqs/getQueue:getQueue", {})


def test_an_input_that_the_sandbox_does_not_have_is_named(provider):
    failures = Life(provider, VPC).check({"cidrBlock": "10.0.0.0/16", "ipv6IpamPoolId": "x"}).failures
    assert [failure.property for failure in failures] == ["ipv6IpamPoolId"]
    assert "the sandbox does not have this input; it has" in failures[0].reason


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_what_is_not_known_yet_is_no_mistake(provider, token):
    """In a first preview any input may come from a resource that is not there."""
    fields = catalog.resources()[token].fields()
    life = Life(provider, token)
    for news in (dict.fromkeys(fields, UNKNOWN), {key: UNKNOWN for key, held in fields.items() if held.required}):
        checked = life.check({key: value for key, value in news.items() if key != "region"})
        assert not [failure for failure in checked.failures if "expected" in failure.reason]
        planned = provider.create(life.urn, token, checked.inputs, preview=True, timeout=None)
        assert set(catalog.resources()[token].computed) <= planned.outputs.keys()
        found = provider.diff(life.urn, token, "id", {}, {}, checked.inputs, [])
        assert found.changes == bool(checked.inputs)


class TestNames:
    def test_logical_name_and_seven_digits(self, provider):
        name = Life(provider, GROUP, "blue").checked(TARGETS)["name"]
        assert re.fullmatch(r"blue-[0-9a-f]{7}", name)

    def test_the_seed_decides(self, provider):
        def name(seed):
            return provider.check(Life(provider, GROUP, "blue").urn, GROUP, None, TARGETS, seed).inputs["name"]

        assert name(b"one") == name(b"one") != name(b"two")
        assert name(b"") != name(b"")

    def test_an_automatic_name_stays(self, provider):
        life = Life(provider, GROUP, "blue")
        life.inputs = life.checked(TARGETS)
        later = provider.check(life.urn, GROUP, life.inputs, TARGETS, b"another seed").inputs
        assert later["name"] == life.inputs["name"]

    def test_a_name_that_the_program_no_longer_gives_is_given_up(self, provider):
        life = Life(provider, GROUP, "blue")
        life.inputs = life.checked(TARGETS | {"name": "fixed"})
        assert life.inputs["name"] == "fixed"
        assert re.fullmatch(r"blue-[0-9a-f]{7}", life.checked(TARGETS)["name"])

    def test_32_characters_are_a_target_groups_limit(self, provider):
        assert len(Life(provider, GROUP, "a" * 24).checked(TARGETS)["name"]) == 32
        failures = Life(provider, GROUP, "a" * 25).check(TARGETS).failures
        assert [failure.property for failure in failures] == ["name"]
        assert "longer than maximum length 32" in failures[0].reason

    def test_a_bucket_is_written_small(self, provider):
        name = Life(provider, "aws:s3/bucket:Bucket", "Config").checked({})["bucket"]
        assert re.fullmatch(r"config-[0-9a-f]{7}", name)

    def test_what_has_no_name_gets_none(self, provider):
        assert "name" not in Life(provider, VPC).checked({"cidrBlock": "10.0.0.0/16"})


class TestDefaultTags:
    def test_they_are_on_everything_and_yield_to_its_own(self, environ):
        provider = made(environ, defaultTags='{"tags": {"team": "web", "Name": "default"}}')
        life = Life(provider, VPC).create({"cidrBlock": "10.0.0.0/16", "tags": {"Name": "mine"}})
        assert life["tags"] == life["tagsAll"] == {"team": "web", "Name": "mine"}
        assert not life.diff({"cidrBlock": "10.0.0.0/16", "tags": {"Name": "mine"}}).changes

    def test_changing_them_changes_the_resources(self, environ):
        life = Life(made(environ, defaultTags={"tags": {"team": "web"}}), VPC).create({"cidrBlock": "10.0.0.0/16"})
        life.provider = made(environ, defaultTags={"tags": {"team": "app"}})
        assert set(life.diff({"cidrBlock": "10.0.0.0/16"}).detailed) == {"tags.team"}
        life.update({"cidrBlock": "10.0.0.0/16"})
        assert life["tagsAll"] == {"team": "app"}

    def test_a_scaling_groups_list_is_left_alone(self, environ):
        provider = made(environ, defaultTags={"tags": {"team": "web"}})
        inputs = {"minSize": 1, "maxSize": 1, "launchTemplate": {"id": "lt"}, "vpcZoneIdentifiers": ["s"]}
        assert "tags" not in Life(provider, "aws:autoscaling/group:Group").checked(inputs)


def test_tags_put_on_by_hand_are_drift(provider, aws):
    inputs = {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}}
    life = Life(provider, VPC).create(inputs)
    aws("ec2").create_tags(Resources=[life.id], Tags=[{"Key": "by hand", "Value": "x"}])
    life.refresh()
    assert set(life.diff(inputs).detailed) == {"tags.by hand"}
    assert not life.diff(inputs, ("tags",)).changes
    assert set(life.diff(inputs | {"tags": {"a": "c"}}, ('tags["by hand"]',)).detailed) == {"tags.a"}


def test_what_is_gone_is_not_found(provider, aws):
    life = Life(provider, VPC).create({"cidrBlock": "10.0.0.0/16"})
    aws("ec2").delete_vpc(VpcId=life.id)
    assert life.read() is None
    life.delete()
    with pytest.raises(ProviderError, match=r"no longer there|NotFound"):
        life.update({"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})


def test_another_region(provider):
    life = Life(provider, "aws:cloudwatch/logGroup:LogGroup", "elsewhere").create({"region": "eu-west-1"})
    assert life["region"] == "eu-west-1"
    assert life["arn"].startswith("arn:aws:logs:eu-west-1:000000000000:log-group:elsewhere-")
    assert life.read() is not None
    assert life.diff({}).replaces == ("region",)
    assert not life.diff({"region": "eu-west-1"}).changes


def test_what_is_there_but_did_not_settle_is_kept(provider, world):
    """The state must know of it, or nobody would ever take it away; and of what is left to do, or nobody would."""
    life = Life(provider, "aws:ec2/internetGateway:InternetGateway")
    with pytest.raises(ProviderError, match="InvalidVpcID") as caught:
        life.create({"vpcId": "vpc-none", "tags": {"a": "b"}})
    partial = caught.value.partial
    assert partial is not None
    assert partial.id.startswith("igw-")
    assert "vpcId" not in partial.outputs

    life.id, life.outputs = partial.id, partial.outputs
    vpc = world.another_vpc()
    life.update({"vpcId": vpc.id, "tags": {"a": "b"}})
    assert life["vpcId"] == vpc.id
    life.delete()
    assert life.read() is None


def test_a_cancelled_wait_ends(environ):
    job = Job(Clients(environ), "us-east-1")
    job.cancelled.set()
    with pytest.raises(ProviderError, match="cancelled while waiting for rain"):
        job.wait(lambda: False, for_what="rain", seconds=60)


def test_a_wait_ends_in_time(environ):
    job = Job(Clients(environ), "us-east-1", timeout=0.01)
    with pytest.raises(ProviderError, match=r"timeout while waiting for rain \(timeout: 0.01s\)"):
        job.wait(lambda: False, for_what="rain", seconds=60)
    job.wait(lambda: True, for_what="rain", seconds=0)
