"""Alarms put, judged and read by botocore's calls."""

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.traffic import wire

BALANCER = "AWS/ApplicationELB"


class Site:
    """Alarms on the site's blue group."""

    def __init__(self, site, world, aws):
        self.site, self.world, self.watch, self.sns = site, world, aws("cloudwatch"), aws("sns")
        self.calendar = world.cloud.watch.calendar
        self.requests = self.errors = 0
        suffix = site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
        self.dimensions = [
            {"Name": "LoadBalancer", "Value": suffix},
            {"Name": "TargetGroup", "Value": site.blue.rpartition(":")[2]},
        ]

    def minute(self, requests=0, errors=0, seconds=60):
        self.requests += requests
        self.errors += errors
        tally = wire.Tally(self.requests, {"5XX": self.errors, "2XX": self.requests - self.errors})
        self.world.plane.groups[self.site.blue] = self.world.plane.listeners[self.site.listener] = tally
        self.world.pass_time(seconds)

    def put(self, name="many", **changed):
        given = {
            "AlarmName": name,
            "Namespace": BALANCER,
            "MetricName": "RequestCount",
            "Dimensions": self.dimensions,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 50,
            "ComparisonOperator": "GreaterThanThreshold",
        } | changed
        self.watch.put_metric_alarm(**given)

    def stat(self, id, name):
        metric = {"Namespace": BALANCER, "MetricName": name, "Dimensions": self.dimensions}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    def put_ratio(self, name="errors", **changed):
        self.watch.put_metric_alarm(
            **{
                "AlarmName": name,
                "Metrics": [
                    self.stat("errors", "HTTPCode_Target_5XX_Count"),
                    self.stat("requests", "RequestCount"),
                    {"Id": "ratio", "Expression": "100 * FILL(errors, 0) / requests", "Label": "errors, percent"},
                ],
                "EvaluationPeriods": 1,
                "Threshold": 5,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            }
            | changed
        )

    def alarm(self, name="many"):
        found = self.watch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        (alarm,) = found["MetricAlarms"] + found["CompositeAlarms"]
        return alarm

    def state(self, name="many"):
        return self.alarm(name)["StateValue"]

    def history(self, name="many", **given):
        given = {"AlarmName": name, "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"} | given
        return self.watch.describe_alarm_history(**given)["AlarmHistoryItems"]

    def topic(self):
        return self.sns.create_topic(Name="told")["TopicArn"]

    def told(self):
        """The messages that were published."""
        from sandbox.cloud import stores

        (topic,) = stores.sns("eu-central-1").topics.values()
        return [json.loads(sent[1]) for sent in topic.sent_notifications]


@pytest.fixture
def watched(site, world, aws):
    world.pass_time(0)
    return Site(site, world, aws)


def test_an_alarm_fires_when_its_datapoint_has_arrived_and_is_taken_back(watched):
    watched.put()
    assert (watched.state(), watched.alarm()["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    watched.minute(requests=60, seconds=89)
    assert watched.state() == "INSUFFICIENT_DATA"
    watched.minute(seconds=1)
    alarm = watched.alarm()
    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [60.0 (")
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [60.0]
    assert watched.calendar.simulated(alarm["StateUpdatedTimestamp"]) == pytest.approx(90, abs=0.01)
    watched.minute(requests=10)
    assert watched.state() == "OK"
    changes = [item["HistorySummary"] for item in watched.history()]
    assert changes == ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK"]


def test_a_ratio_of_errors(watched):
    watched.put_ratio()
    watched.minute(seconds=30)
    watched.minute(requests=100)
    watched.minute(requests=100, errors=5)
    assert watched.state("errors") == "OK"  # 0 errors are no datapoint, and FILL makes them one; 5 % is not above 5 %
    watched.minute(requests=100, errors=6)
    assert watched.state("errors") == "ALARM"
    watched.minute()
    assert watched.state("errors") == "ALARM"  # a minute without traffic: the last datapoint still counts
    watched.minute(requests=100)
    assert watched.state("errors") == "OK"


@pytest.mark.parametrize(
    ("missing", "state"),
    [("missing", "INSUFFICIENT_DATA"), ("ignore", "ALARM"), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_missing_data(watched, missing, state):
    watched.put(TreatMissingData=missing)
    watched.minute(requests=60, seconds=90)
    assert watched.state() == "ALARM"
    watched.minute(seconds=240)
    assert watched.state() == state


def test_two_of_three_datapoints(watched):
    watched.put(EvaluationPeriods=3, DatapointsToAlarm=2)
    seen = []
    for requests in (60, 10, 60, 10, 10, 0):
        watched.minute(requests=requests)
        seen.append(watched.state())
    assert seen[1:] == ["INSUFFICIENT_DATA", "OK", "ALARM", "OK", "OK"]


def test_percentiles_and_too_few_samples(watched, world):
    watched.put(Statistic=None, ExtendedStatistic="p95", MetricName="TargetResponseTime", Threshold=0.5, name="slow")
    few = {"EvaluateLowSampleCountPercentile": "ignore"}
    watched.put(
        Statistic=None, ExtendedStatistic="p95", MetricName="TargetResponseTime", Threshold=0.5, name="few", **few
    )
    slow = [0] * (len(wire.LATENCY_EDGES) + 1)
    slow[-1] = 100
    world.plane.groups[watched.site.blue] = wire.Tally(100, latency=tuple(slow), latency_sum=3100.0)
    world.pass_time(90)
    assert (watched.state("slow"), watched.state("few")) == ("ALARM", "INSUFFICIENT_DATA")


def test_an_alarms_state_outlives_its_update(watched):
    watched.put()
    watched.minute(requests=60, seconds=90)
    before = watched.alarm()
    watched.put(Threshold=1000)
    after = watched.alarm()
    assert (after["StateValue"], after["Threshold"]) == ("ALARM", 1000)
    assert after["StateUpdatedTimestamp"] == before["StateUpdatedTimestamp"]
    watched.minute(requests=60)
    assert watched.state() == "OK"
    assert len(watched.history()) == 2


def test_a_state_set_by_hand_holds_until_the_next_evaluation(watched):
    watched.put(TreatMissingData="notBreaching")
    watched.minute(seconds=100)
    watched.watch.set_alarm_state(AlarmName="many", StateValue="ALARM", StateReason="a test")
    assert (watched.state(), watched.alarm()["StateReason"]) == ("ALARM", "a test")
    watched.minute(seconds=49)
    assert watched.state() == "ALARM"
    watched.minute(seconds=1)
    assert watched.state() == "OK"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        watched.watch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="")


def test_history_by_date_kind_and_page(watched):
    watched.put()
    for requests in (60, 10, 60, 10):
        watched.minute(requests=requests)
    watched.minute(seconds=30)
    assert len(watched.history()) == 4
    since = watched.history(StartDate=watched.calendar.of(150), EndDate=watched.calendar.of(211))
    assert [item["HistorySummary"].rpartition(" ")[2] for item in since] == ["OK", "ALARM"]
    data = json.loads(since[0]["HistoryData"])
    assert (data["oldState"]["stateValue"], data["newState"]["stateValue"]) == ("ALARM", "OK")
    newest = watched.watch.describe_alarm_history(AlarmName="many", MaxRecords=1)
    assert newest["AlarmHistoryItems"][0]["HistorySummary"] == "Alarm updated from ALARM to OK"
    following = watched.watch.describe_alarm_history(AlarmName="many", MaxRecords=10, NextToken=newest["NextToken"])
    assert len(following["AlarmHistoryItems"]) == 4
    assert following["AlarmHistoryItems"][-1]["HistoryItemType"] == "ConfigurationUpdate"
    watched.watch.delete_alarms(AlarmNames=["many"])
    assert len(watched.history()) == 4  # it outlives the alarm


def test_topics_are_told_of_changes_once(watched):
    topic = watched.topic()
    watched.put(AlarmActions=[topic], OKActions=[topic])
    watched.put("quiet", AlarmActions=[topic], ActionsEnabled=False)
    watched.minute(requests=60)
    watched.minute(requests=60)
    watched.minute(requests=10)
    watched.minute(seconds=30)
    assert [(each["AlarmName"], each["OldStateValue"], each["NewStateValue"]) for each in watched.told()] == [
        ("many", "INSUFFICIENT_DATA", "ALARM"),
        ("many", "ALARM", "OK"),
    ]
    assert watched.told()[0]["Trigger"]["MetricName"] == "RequestCount"
    assert [item["HistorySummary"] for item in watched.history(HistoryItemType="Action")] == [
        f"Successfully executed action {topic}"
    ] * 2


def test_a_topic_that_is_gone_spoils_nothing(watched):
    topic = watched.topic()
    watched.put(AlarmActions=[topic])
    watched.sns.delete_topic(TopicArn=topic)
    watched.minute(requests=60, seconds=90)
    assert watched.state() == "ALARM"
    assert watched.history(HistoryItemType="Action")[0]["HistorySummary"].startswith("Failed to execute action")


def test_composite_alarms(watched):
    watched.put()
    watched.put_ratio()
    topic = watched.topic()
    watched.watch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(many) AND ALARM(errors)", AlarmActions=[topic])
    watched.watch.put_composite_alarm(AlarmName="calm", AlarmRule="NOT ALARM(both)", ActionsEnabled=False)
    assert (watched.state("both"), watched.state("calm")) == ("OK", "ALARM")
    watched.minute(requests=60, seconds=90)
    assert watched.state("both") == "OK"
    watched.minute(requests=60, errors=20)
    assert (watched.state("both"), watched.state("calm")) == ("ALARM", "OK")
    assert watched.told()[-1]["AlarmRule"] == "ALARM(many) AND ALARM(errors)"
    watched.watch.set_alarm_state(AlarmName="many", StateValue="OK", StateReason="a test")
    assert watched.state("both") == "OK"  # with its alarm, not a minute later
    assert len(watched.watch.describe_alarms()["CompositeAlarms"]) == 0  # only metric alarms, unless asked
    assert watched.history("both") == []
    assert len(watched.history("both", AlarmTypes=["CompositeAlarm"])) == 3


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "no statistic p101"),
        ({"DatapointsToAlarm": 2}, "between 1 and EvaluationPeriods"),
        ({"ComparisonOperator": "Near"}, "no comparison Near"),
        ({"TreatMissingData": "shrug"}, "shrug is not supported"),
    ],
)
def test_alarms_that_are_refused(watched, changed, why):
    with pytest.raises(ClientError, match=why):
        watched.put(**changed)
    assert watched.watch.describe_alarms()["MetricAlarms"] == []
    watched.put()
    with pytest.raises(ClientError, match=why):
        watched.put(**changed)
    assert watched.alarm()["Statistic"] == "Sum"


def test_expressions_and_rules_that_are_refused(watched):
    for metrics, why in (
        ([watched.stat("a", "RequestCount")], "Exactly one element"),
        ([watched.stat("a", "RequestCount"), {"Id": "e", "Expression": "a / b"}], "unknown b"),
        ([watched.stat("a", "RequestCount"), {"Id": "e", "Expression": "a /"}], "ends too early"),
    ):
        with pytest.raises(ClientError, match=why):
            watched.put_ratio(Metrics=metrics)
    for rule, why in (("ALARM(none)", "don't exist: none"), ("ALARM(", "syntax errors")):
        with pytest.raises(ClientError, match=why):
            watched.watch.put_composite_alarm(AlarmName="both", AlarmRule=rule)


def test_alarms_are_described_by_prefix_state_and_page(watched):
    for name in ("a-1", "a-2", "b-1"):
        watched.put(name)
    watched.watch.set_alarm_state(AlarmName="a-2", StateValue="ALARM", StateReason="a test")
    names = lambda **given: [each["AlarmName"] for each in watched.watch.describe_alarms(**given)["MetricAlarms"]]  # noqa: E731
    assert names(AlarmNamePrefix="a-") == ["a-1", "a-2"]
    assert names(StateValue="ALARM") == ["a-2"]
    assert names(AlarmNames=["b-1", "c-1"]) == ["b-1"]
    paginator = watched.watch.get_paginator("describe_alarms")
    pages = paginator.paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
