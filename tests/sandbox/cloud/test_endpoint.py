import http.client
import json

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import requests
from sandbox.cloud.requests import AwsRequest
from sandbox.cloud.weather import Spell


def test_the_account_is_one_that_nobody_has(aws):
    assert aws("sts").get_caller_identity()["Account"] == "000000000000"
    arn = aws("sns").create_topic(Name="t")["TopicArn"]
    assert arn.split(":")[4] == "000000000000"


@pytest.mark.parametrize(
    ("service", "call", "given"),
    [
        ("autoscaling", "describe_traffic_sources", {"AutoScalingGroupName": "blue"}),
        ("elbv2", "get_trust_store_revocation_content", {"TrustStoreArn": "x", "RevocationId": 1}),
        ("ssm", "start_session", {"Target": "i-1"}),
        ("ec2", "get_console_screenshot", {"InstanceId": "i-1"}),
    ],
)
def test_what_the_sandbox_lacks_is_a_clear_error(aws, service, call, given):
    with pytest.raises(ClientError, match="The sandbox lacks this") as caught:
        getattr(aws(service), call)(**given)
    assert caught.value.response["Error"]["Code"] == "NotImplementedInSandbox"


def test_a_bug_is_an_error_that_names_it(world, aws, monkeypatch):
    def broken():
        raise RuntimeError("plane gone")

    monkeypatch.setattr(world.cloud.balancing, "sync", broken)
    with pytest.raises(ClientError, match="RuntimeError: plane gone") as caught:
        aws("ec2").create_vpc(CidrBlock="10.1.0.0/16")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert world.cloud.events.since()[-1]["subject"] == "ec2:CreateVpc"


def test_requests_are_told_apart():
    def read(service, action="", **headers):
        scope = f"AWS4-HMAC-SHA256 Credential=k/20261120/eu-central-1/{service}/aws4_request, SignedHeaders=host"
        form = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"} if action else {}
        environ = {"HTTP_AUTHORIZATION": scope, "REQUEST_METHOD": "PUT", **form, **headers}
        return requests.read(environ, f"Action={action}&Version=1".encode() if action else b"")

    assert read("ec2", "RunInstances") == AwsRequest("ec2", "RunInstances", "ec2")
    assert read("autoscaling", "DescribePolicies") == AwsRequest("autoscaling", "DescribePolicies", "query")
    assert read("ssm", HTTP_X_AMZ_TARGET="AmazonSSM.PutParameter") == AwsRequest("ssm", "PutParameter", "json")
    assert read("s3") == AwsRequest("s3", "PUT", "rest")
    assert requests.read({"REQUEST_METHOD": "GET"}, b"") == AwsRequest("", "GET", "rest")
    assert read("ec2", "RunInstances").moves_something
    assert not read("ec2", "DescribeInstances").moves_something
    assert not read("ssm", HTTP_X_AMZ_TARGET="AmazonSSM.PutParameter").moves_something


def test_a_throttled_api_answers_as_aws_does(world, aws):
    world.weather.begin(Spell("throttled", 1.0, until=10.0))
    for service, call, code in (
        ("ec2", "describe_vpcs", "RequestLimitExceeded"),
        ("autoscaling", "describe_auto_scaling_groups", "Throttling"),
        ("ssm", "describe_parameters", "ThrottlingException"),
    ):
        with pytest.raises(ClientError, match="Rate exceeded") as caught:
            getattr(aws(service), call)()
        assert caught.value.response["Error"]["Code"] == code
    world.clock.time = 11.0
    aws("ec2").describe_vpcs()


def test_a_share_of_calls_is_hit_evenly(world):
    world.weather.begin(Spell("failing", 0.25, until=10.0, service="ssm"))
    hit = []
    for _ in range(40):
        hit.append(world.weather.meets(AwsRequest("ssm", "GetParameter", "json")) is not None)
        assert world.weather.meets(AwsRequest("ec2", "RunInstances", "ec2")) is None
    assert hit == [False, False, False, True] * 10


def test_slow_calls_get_through(world, aws):
    world.clock.speed = 10.0
    world.weather.begin(Spell("slow", 1.0, until=10.0, delay=5.0))
    aws("ec2").describe_vpcs()
    assert world.naps == [0.5]


def own(url, method, page, body=None):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    connection.request(method, f"/_sandbox/{page}", body=body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_the_sandboxs_own_pages(site, world, _served):
    site.scaling_group()
    world.pass_time(100)
    url = _served[1]
    status, state = own(url, "GET", "state")
    assert (status, state["account"]) == (200, "000000000000")
    assert [rule["weights"][0]["weight"] for rule in state["listeners"][0]["rules"]] == [100]
    assert state["listeners"][0]["url"].startswith("http://127.0.0.1:")
    assert [target["state"] for target in state["groups"][0]["targets"]] == ["healthy", "healthy"]
    assert [instance["color"] for instance in state["instances"]] == ["blue", "blue"]
    assert state["scaling_groups"][0]["desired"] == 2
    status, events = own(url, "GET", "events")
    assert {"scaling", "instance", "target"} <= {event["kind"] for event in events["events"]}
    last = events["events"][-1]["number"]
    assert own(url, "POST", "events", json.dumps({"since": last}))[1] == {"events": []}
    assert own(url, "GET", "counters")[0] == 200
    status, pushed = own(url, "POST", "push", json.dumps({"repository": "shop", "tag": "v2"}))
    assert (status, pushed["image"].partition("@")[2]) == (200, pushed["digest"])


def test_wrong_questions_get_an_answer(_served, world):
    url = _served[1]
    assert own(url, "GET", "nothing")[0] == 404
    assert own(url, "POST", "push", "{")[0] == 400
    assert own(url, "POST", "push", "[]")[0] == 400
    assert own(url, "POST", "push", json.dumps({"tag": "v1"})) == (400, {"error": "'repository' is missing"})
    assert own(url, "POST", "fault", json.dumps({"name": "quake"}))[0] == 400


def test_connections_are_kept_alive_and_chunks_understood(_served, world):
    connection = http.client.HTTPConnection(_served[1].removeprefix("http://"), timeout=5)
    connection.request(
        "POST", "/_sandbox/push", body=iter([b'{"repository": "shop",', b'"tag": "v1"}']), encode_chunked=True
    )
    assert json.loads(connection.getresponse().read())["tag"] == "v1"
    sock = connection.sock
    connection.request("GET", "/_sandbox/events")
    assert connection.getresponse().read()
    assert connection.sock is sock


@pytest.mark.slow
def test_s3_keeps_bytes_and_lengths(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="files", Key="a b/ü.bin", Body=bytes(range(256)))
    assert s3.head_object(Bucket="files", Key="a b/ü.bin")["ContentLength"] == 256
    assert s3.get_object(Bucket="files", Key="a b/ü.bin")["Body"].read() == bytes(range(256))
