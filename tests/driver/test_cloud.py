"""The cloud port against a stand-in for AWS's APIs, and what it says when AWS says no."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore import exceptions as aws
from moto import mock_aws

from driver.cloud.account import Credentials, Role, credentials, refuse_other_account
from driver.cloud.aws import AwsCloud
from driver.cloud.failures import spoken
from driver.errors import Busy, Failure, Invalid, Refused, Unforeseen
from driver.release.freeze import Freeze
from driver.release.snapshot import Rule
from infra.record import Intent, intent_text
from tests.driver.fakes import serving

pytestmark = pytest.mark.slow
REGION = "eu-central-1"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def accounts(monkeypatch):
    """moto's own idea of accounts: the sandbox's tests, in the same process, may have pinned another."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)


@pytest.fixture
def cloud(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield AwsCloud("shop", "dev", Credentials(region=REGION))


@pytest.fixture
def balancer(cloud):
    ec2 = boto3.client("ec2", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for number, zone in enumerate("ab")
    ]
    elb = boto3.client("elbv2", region_name=REGION)
    arn = elb.create_load_balancer(Name="shop", Subnets=[subnet["SubnetId"] for subnet in subnets])["LoadBalancers"][0]
    groups = [
        elb.create_target_group(Name=color, Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
        for color in ("blue", "green")
    ]
    listener = elb.create_listener(
        LoadBalancerArn=arn["LoadBalancerArn"],
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]["ListenerArn"]
    forward = {
        "TargetGroups": [
            {"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, (100, 0), strict=True)
        ],
        "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 90},
    }
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": forward}],
    )["Rules"][0]["RuleArn"]
    return rule, groups


def test_a_freeze_and_a_lease_lie_beside_the_record_and_go_again(cloud):
    cloud.put_freeze(Freeze("inventory", "anna", "2026-03-01T12:00:00Z").text())
    cloud.put_driver("a lease")
    cloud.put_driver("renewed")
    found = cloud.stored()
    assert found.account == "123456789012"
    assert (found.freeze, found.watcher) == ("inventory (frozen by anna at 2026-03-01T12:00:00Z)", "renewed")
    assert cloud.watcher() == "renewed"
    for _ in range(2):
        cloud.drop_freeze()
        cloud.drop_driver()
    assert (cloud.stored().freeze, cloud.watcher()) == ("", "")


def test_a_message_reaches_its_topic(cloud):
    sns, sqs = (boto3.client(name, region_name=REGION) for name in ("sns", "sqs"))
    topic = sns.create_topic(Name="releases")["TopicArn"]
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloud.publish(topic, "shop dev finished", "{}")
    body = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert (body["Subject"], body["Message"]) == ("shop dev finished", "{}")


def test_nothing_is_stored_at_first_and_an_intent_comes_and_goes(cloud):
    assert cloud.stored().deployed is None
    cloud.put_intent(intent_text(Intent(5, serving())))
    assert cloud.stored().intent.generation == 5
    cloud.drop_intent()
    cloud.drop_intent()
    assert cloud.stored().intent is None


def test_a_record_that_is_none_is_told(cloud):
    cloud.put_record('{"schema": 1')
    with pytest.raises(Invalid, match="can't be read"):
        cloud.stored()


def test_a_rule_is_read_and_moved_with_its_stickiness(cloud, balancer):
    rule, (blue, green) = balancer
    assert cloud.rules([rule])[rule] == Rule(rule, {blue: 100, green: 0}, 90)
    cloud.forward(Rule(rule, {blue: 0, green: 100}, 90))
    assert cloud.rules([rule])[rule] == Rule(rule, {blue: 0, green: 100}, 90)
    assert list(cloud.rules([rule])[rule].shares) == [blue, green]


def test_a_rule_that_is_gone_does_not_hide_the_other(cloud, balancer):
    rule, _ = balancer
    gone = rule[:-1] + ("0" if rule[-1] != "0" else "1")
    assert set(cloud.rules([rule, gone])) == {rule}
    assert cloud.rules([]) == {}
    assert cloud.health(balancer[1][0].replace("blue", "none")) == ()


def test_images_are_named_by_digest_and_registry(cloud):
    ecr = boto3.client("ecr", region_name=REGION)
    ecr.create_repository(repositoryName="shop")
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {}}'
    ecr.put_image(repositoryName="shop", imageManifest=manifest, imageTag="1.0")
    named = cloud.image("shop:1.0")
    assert named.startswith(f"123456789012.dkr.ecr.{REGION}.amazonaws.com/shop:1.0@sha256:")
    with pytest.raises(Refused, match=r"no image shop:2\.0"):
        cloud.image("shop:2.0")
    with pytest.raises(Refused):
        cloud.image("other:1.0")
    elsewhere = f"ghcr.io/team/shop@{DIGEST}"
    assert cloud.image(elsewhere) == elsewhere
    with pytest.raises(Invalid):
        cloud.image("ghcr.io/team/shop:1.0")


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (aws.NoCredentialsError(), Invalid, "no AWS credentials"),
        (aws.ProfileNotFound(profile="work"), Invalid, "profile"),
        (aws.NoRegionError(), Invalid, "region"),
        (aws.EndpointConnectionError(endpoint_url="http://x"), Invalid, "can't be reached"),
        (aws.ConnectTimeoutError(endpoint_url="http://x"), Invalid, "can't be reached"),
        (aws.ClientError({"Error": {"Code": "ExpiredToken"}}, "X"), Invalid, "does not accept"),
        (aws.ClientError({"Error": {"Code": "AccessDenied"}}, "X"), Invalid, "may not use"),
        (aws.ClientError({"Error": {"Code": "Throttling"}}, "X"), Unforeseen, "refused"),
        (aws.ClientError({"Error": {"Code": "RuleNotFound"}}, "X"), LookupError, None),
    ],
)
def test_what_aws_refuses_becomes_a_failure_with_a_reason(error, kind, what):
    with pytest.raises(kind, match=what) as caught, spoken("a rule"):
        raise error
    if isinstance(caught.value, Failure):
        assert caught.value.why


def test_whose_aws_it_is_comes_from_the_stacks_config():
    found = credentials(
        {
            "aws:region": REGION,
            "aws:profile": "work",
            "aws:assumeRoles": [{"roleArn": "arn:aws:iam::1:role/x", "externalId": "e"}],
            "aws:allowedAccountIds": '["111122223333"]',
        }
    )
    assert found == Credentials(REGION, "work", (Role("arn:aws:iam::1:role/x", "bluegreen", "e"),), ("111122223333",))
    refuse_other_account("111122223333", "111122223333", found)
    with pytest.raises(Invalid, match="the stack lives in"):
        refuse_other_account("111122223333", "444455556666", found)
    with pytest.raises(Invalid, match="the settings allow"):
        refuse_other_account("444455556666", "", found)


def test_a_role_is_assumed_before_the_first_call(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        role = Role("arn:aws:iam::444455556666:role/deploy")
        assert AwsCloud("shop", "dev", Credentials(REGION, roles=(role,))).account() == "444455556666"


def test_of_two_claims_the_first_one_holds(cloud):
    assert cloud.claim("abc", "ours") == "ours"
    assert cloud.claim("abc", "theirs") == "ours"
    assert cloud.claim("abd", "theirs") == "theirs"
    assert cloud.stored().once is None, "a claim is no part of what every verb reads"
    for number in range(12):  # more than one page
        cloud.claim(f"n{number}", "x")
    cloud.drop_claims()
    assert cloud.claim("abc", "theirs") == "theirs"


def test_a_claim_that_can_not_be_read_yet_is_anothers(cloud, monkeypatch):
    cloud.claim("abc", "ours")
    monkeypatch.setattr(cloud, "_claims", dict)
    with pytest.raises(Busy):
        cloud.claim("abc", "theirs")
