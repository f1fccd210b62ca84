"""Calls that are lost, repeated or throttled by operation; alarms that fire; metrics that stay away."""

import botocore.session
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import create_parser

from sandbox import faults
from sandbox.cloud import requests
from sandbox.traffic import wire


def parameter(aws):
    found = aws("ssm").get_parameters(Names=["/record"])["Parameters"]
    return (found[0]["Value"], found[0]["Version"]) if found else None


def put(aws, value, **given):
    return aws("ssm").put_parameter(Name="/record", Value=value, Type="String", **given)


def test_a_lost_answer_is_of_a_call_that_took_effect(world, aws):
    world.faulting.begin("api-lost", {"operation": "PutParameter", "amount": 1})
    with pytest.raises(ConnectionClosedError):
        put(aws, "a")
    assert parameter(aws) == ("a", 1)
    world.faulting.begin("clear", {})
    assert put(aws, "b", Overwrite=True)["Version"] == 2


def test_a_repeated_call_is_carried_out_twice_and_answered_by_the_first(world, aws):
    world.faulting.begin("api-repeated", {"operation": "PutParameter"})
    assert put(aws, "a", Overwrite=True)["Version"] == 1
    assert parameter(aws) == ("a", 2)


def test_a_repeated_call_with_another_protocol(site, world, aws):
    world.faulting.begin("api-repeated", {"service": "cloudwatch"})
    aws("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "orders", "Value": 1}])
    calendar = world.cloud.watch.calendar
    (result,) = aws("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m1",
                "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": "orders"}, "Period": 60, "Stat": "Sum"},
            }
        ],
        StartTime=calendar.of(-60),
        EndTime=calendar.of(6000),
    )["MetricDataResults"]
    assert result["Values"] == [2]


def test_only_the_operations_that_are_meant(site, world, aws):
    elb = aws("elbv2")
    world.faulting.begin("api-throttled", {"service": "elbv2", "operation": "ModifyRule+SetSubnets", "amount": 1})
    elb.describe_rules(ListenerArn=site.listener)
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded"):
            elb.modify_rule(RuleArn=site.rule, Actions=[site.forward(0, 100)])
    assert (
        elb.describe_rules(RuleArns=[site.rule])["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"]
        == 100
    )
    put(aws, "a")


def test_a_share_of_the_answers_is_lost(world, aws):
    world.faulting.begin("api-lost", {"operation": "putparameter"})
    lost = 0
    for n in range(6):
        try:
            put(aws, str(n), Overwrite=True)
        except ConnectionClosedError:
            lost += 1
    assert (lost, parameter(aws)) == (3, ("5", 6))


@pytest.mark.parametrize(
    ("fault", "code"), [("api-throttled", "ThrottlingException"), ("api-failing", "ServiceUnavailable")]
)
def test_cloudwatchs_own_errors_are_understood(world, aws, fault, code):
    world.faulting.begin(fault, {"service": "cloudwatch", "amount": 1})
    with pytest.raises(ClientError) as caught:
        aws("cloudwatch").describe_alarms()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"]


def test_a_service_that_is_spoken_to_in_cbor():
    environ = {"PATH_INFO": "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm", "REQUEST_METHOD": "POST"}
    request = requests.read(environ, b"")
    assert (request.action, request.reads) == ("PutMetricAlarm", False)
    content_type, body = requests.error_body(request, "Throttling", "Rate exceeded, “slowly”")
    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model("PutMetricAlarm")
    answer = {"status_code": 400, "headers": {"content-type": content_type}, "body": body}
    error = create_parser("smithy-rpc-v2-cbor").parse(answer, model.output_shape)["Error"]
    assert (error["Code"], error["Message"]) == ("Throttling", "Rate exceeded, “slowly”")


@pytest.fixture
def alarm(site, world, aws):
    world.pass_time(0)
    watch = aws("cloudwatch")
    for name in ("shop-dev-green-compose-errors", "shop-dev-blue-compose-errors"):
        watch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/ApplicationELB",
            MetricName="RequestCount",
            Dimensions=[
                {"Name": "LoadBalancer", "Value": site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1e9,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    def states():
        return {each["AlarmName"].split("-")[2]: each["StateValue"] for each in watch.describe_alarms()["MetricAlarms"]}

    return states


def test_an_alarm_fires_and_is_held(alarm, world):
    world.pass_time(100)
    assert world.faulting.begin("alarm-fires", {"alarm": "shop-dev-green-compose-errors", "seconds": 120}) == [
        "shop-dev-green-compose-errors is in ALARM for 120 s"
    ]
    assert alarm() == {"blue": "OK", "green": "ALARM"}
    assert [each["name"] for each in world.faulting.active()] == ["alarm-fires"]
    world.pass_time(119)
    assert alarm()["green"] == "ALARM"
    world.pass_time(60)
    assert alarm()["green"] == "OK"
    assert world.faulting.active() == []


def test_a_colors_alarms_fire_until_it_is_cleared(alarm, world):
    said = world.faulting.begin("alarm-fires", {"color": "green"})
    assert said == ["shop-dev-green-compose-errors is in ALARM for 3600 s"]
    world.pass_time(3500)
    assert alarm() == {"blue": "OK", "green": "ALARM"}
    world.faulting.begin("clear", {})
    world.pass_time(60)
    assert alarm() == {"blue": "OK", "green": "OK"}


def test_alarms_that_are_not_there(alarm, world):
    with pytest.raises(ValueError, match="no alarm 'x'; there are shop-dev-blue"):
        world.faulting.begin("alarm-fires", {"alarm": "x"})
    with pytest.raises(ValueError, match="name one"):
        world.faulting.begin("alarm-fires", {})


def test_metrics_stay_away_and_come_back(alarm, site, world, aws):
    def reported():
        calendar = world.cloud.watch.calendar
        answer = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName="RequestCount",
            Dimensions=[
                {"Name": "LoadBalancer", "Value": site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}
            ],
            StartTime=calendar.of(0),
            EndTime=calendar.of(6000),
            Period=60,
            Statistics=["Sum"],
        )
        return sorted((round(calendar.simulated(each["Timestamp"])), each["Sum"]) for each in answer["Datapoints"])

    for minute in range(1, 6):
        if minute == 2:
            world.faulting.begin("no-metrics", {"seconds": 125})
            assert [each["name"] for each in world.faulting.active()] == ["no-metrics"]
        world.plane.listeners[site.listener] = wire.Tally(requests=minute * 10)
        world.pass_time(60)
    world.pass_time(30)
    assert reported() == [(0, 10), (180, 10), (240, 10)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("api-slow", ("api-slow", {})),
        ("api-lost:operation=ModifyRule,amount=0.3", ("api-lost", {"operation": "ModifyRule", "amount": 0.3})),
        ("alarm-fires:alarm=x-green-errors,seconds=60", ("alarm-fires", {"alarm": "x-green-errors", "seconds": 60.0})),
        ("app-dies:count=2", ("app-dies", {"count": 2})),
    ],
)
def test_a_fault_in_one_text(text, read):
    assert faults.read(text) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("quake", "no fault 'quake'"),
        ("api-lost:ModifyRule", "not KEY=VALUE"),
        ("api-lost:share=1", "not KEY=VALUE"),
        ("api-lost:amount=many", "many"),
        ("app-dies:count=0", "count must be"),
    ],
)
def test_a_text_that_is_no_fault(text, why):
    with pytest.raises(ValueError, match=why):
        faults.read(text)
