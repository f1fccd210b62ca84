"""Scaling policies obeyed: alarms on what the apps were asked, and a desired capacity that follows."""

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.watch import adjusting
from sandbox.traffic import wire


@pytest.mark.parametrize(
    ("current", "kind", "by", "least", "wanted"),
    [
        (4, "ChangeInCapacity", -1, 0, 3),
        (4, "ExactCapacity", 7, 0, 7),
        (10, "PercentChangeInCapacity", 25, 0, 12),
        (10, "PercentChangeInCapacity", 25, 4, 14),
        (3, "PercentChangeInCapacity", 10, 0, 4),
        (3, "PercentChangeInCapacity", -10, 0, 2),
        (10, "PercentChangeInCapacity", -25, 0, 8),
    ],
)
def test_adjustments(current, kind, by, least, wanted):
    assert adjusting.adjusted(current, kind, by, least) == wanted


STEPS = [
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -2},
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3},
]


@pytest.mark.parametrize(("breach", "by"), [(-11, -2), (-10, -2), (-9, -1), (0.5, 1), (10, 3), (99, 3)])
def test_steps(breach, by):
    assert adjusting.step(STEPS, breach) == by
    assert adjusting.step(STEPS[2:3], 11) is None


def test_a_metric_on_its_target_asks_for_nothing_more():
    assert adjusting.proportional(3, 60.0, 60.0) == 3
    assert adjusting.proportional(3, 61.0, 60.0) == 4


class Scaled:
    """The blue group, from 2 to 6 instances that are warm, with an app that gets requests."""

    def __init__(self, site, world, aws):
        self.site, self.world = site, world
        self.scaling, self.watch = aws("autoscaling"), aws("cloudwatch")
        site.scaling_group(HealthCheckType="EC2", DefaultInstanceWarmup=60)
        world.pass_time(480)

    def put(self, name="cpu", **given):
        given = {"PolicyType": "TargetTrackingScaling"} | given
        return self.scaling.put_scaling_policy(AutoScalingGroupName="blue", PolicyName=name, **given)

    def track(self, target=50.0, name="cpu", kind="ASGAverageCPUUtilization", **more):
        label = {"ResourceLabel": more.pop("label")} if "label" in more else {}
        config = {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": kind, **label},
            **more,
        }
        return self.put(name, TargetTrackingConfiguration=config)

    def minutes(self, count, per_second):
        """Each instance gets so many requests a second: `2 + 0.4 * per_second` percent."""
        for _ in range(count):
            for id in self.world.apps.running:
                before = self.world.plane.targets.get(id, wire.Tally()).requests
                self.world.plane.targets[id] = wire.Tally(requests=int(before + per_second * 60))
            self.world.pass_time(60)

    @property
    def desired(self):
        return self.site.group()["DesiredCapacity"]

    @property
    def serving(self):
        return len([one for one in self.site.group()["Instances"] if one["LifecycleState"] == "InService"])

    def alarms(self):
        return {each["AlarmName"].split("-")[2]: each for each in self.watch.describe_alarms()["MetricAlarms"]}

    def last_cause(self):
        return self.scaling.describe_scaling_activities(AutoScalingGroupName="blue")["Activities"][0]["Cause"]


@pytest.fixture
def scaled(site, world, aws):
    return Scaled(site, world, aws)


def test_target_tracking_grows_after_three_minutes_in_proportion(scaled):
    scaled.track(50.0)
    scaled.minutes(3, per_second=195)  # 80 %
    assert scaled.desired == 2
    scaled.minutes(1, per_second=195)
    assert scaled.desired == 4  # 2 * 80 / 50, rounded up
    assert "AlarmHigh" in scaled.last_cause()
    assert "triggered policy cpu changing the desired capacity from 2 to 4" in scaled.last_cause()
    scaled.minutes(7, per_second=195)
    # The new ones are warm and as busy: 4 * 80 / 50 is 7, but 6 is the most.
    assert (scaled.desired, scaled.serving) == (6, 6)


def test_target_tracking_does_not_count_instances_that_warm_up(scaled):
    scaled.track(50.0)
    scaled.minutes(4, per_second=195)
    assert scaled.desired == 4
    scaled.minutes(1, per_second=195)
    assert scaled.desired == 4


def test_target_tracking_shrinks_late_and_not_below_the_minimum(scaled):
    scaled.track(50.0)
    scaled.minutes(4, per_second=195)
    assert scaled.desired == 4
    scaled.minutes(15, per_second=20)  # 10 %
    assert scaled.desired >= 4
    scaled.minutes(3, per_second=20)
    assert scaled.desired == 2
    assert "AlarmLow" in scaled.last_cause()
    scaled.minutes(10, per_second=0)
    assert scaled.desired == 2


def test_target_tracking_shrinks_nothing_while_an_instance_warms_up(scaled):
    config = {
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
    }
    scaled.put(EstimatedInstanceWarmup=300, TargetTrackingConfiguration=config)
    scaled.minutes(14, per_second=20)
    scaled.scaling.set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=4)
    scaled.minutes(4, per_second=20)
    assert (scaled.desired, scaled.alarms()["AlarmLow"]["StateValue"]) == (4, "ALARM")
    scaled.minutes(3, per_second=20)
    assert scaled.desired == 2


def test_a_load_near_its_target_changes_nothing(scaled):
    scaled.track(50.0)
    scaled.minutes(25, per_second=118)  # 49.2 %
    assert scaled.desired == 2
    assert {name: alarm["StateValue"] for name, alarm in scaled.alarms().items()} == {
        "AlarmHigh": "OK",
        "AlarmLow": "OK",
    }


def test_scale_in_that_is_disabled(scaled):
    scaled.track(50.0, DisableScaleIn=True)
    assert set(scaled.alarms()) == {"AlarmHigh"}
    scaled.minutes(4, per_second=195)
    scaled.minutes(25, per_second=0)
    assert scaled.desired >= 4


def test_a_policys_alarms_come_and_go_with_it(scaled):
    made = scaled.track(50.0)["Alarms"]
    high, low = scaled.alarms()["AlarmHigh"], scaled.alarms()["AlarmLow"]
    assert {each["AlarmName"] for each in made} == {high["AlarmName"], low["AlarmName"]}
    assert high["AlarmName"].startswith("TargetTracking-blue-AlarmHigh-")
    assert (high["Threshold"], high["EvaluationPeriods"], high["ComparisonOperator"]) == (50, 3, "GreaterThanThreshold")
    assert (low["Threshold"], low["EvaluationPeriods"], low["ComparisonOperator"]) == (45, 15, "LessThanThreshold")
    scaled.track(60.0)
    assert scaled.alarms()["AlarmHigh"]["AlarmName"] == high["AlarmName"]
    assert scaled.alarms()["AlarmHigh"]["Threshold"] == 60
    (policy,) = scaled.scaling.describe_policies()["ScalingPolicies"]
    assert len(policy["Alarms"]) == 2
    assert policy["Enabled"] is True
    scaled.track(60.0, DisableScaleIn=True)
    assert set(scaled.alarms()) == {"AlarmHigh"}
    scaled.scaling.delete_policy(AutoScalingGroupName="blue", PolicyName="cpu")
    assert scaled.alarms() == {}


def test_a_groups_policies_and_their_alarms_go_with_it(scaled):
    scaled.track(50.0)
    scaled.scaling.delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    scaled.world.pass_time(600)
    assert scaled.alarms() == {}


def label(site):
    balancer = site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
    return f"{balancer}/{site.blue.rpartition(':')[2]}"


def test_requests_per_target_are_tracked(scaled, site, world):
    scaled.track(1000, "requests", "ALBRequestCountPerTarget", label=label(site))
    for minute in range(1, 5):
        world.plane.groups[site.blue] = wire.Tally(requests=minute * 3000)  # 1500 for each of 2
        world.pass_time(60)
    assert scaled.desired == 3


@pytest.mark.parametrize("wrong", ["", "app/shop/1/targetgroup/shop-blue/2", "nonsense"])
def test_a_label_must_name_what_is_there(scaled, wrong):
    with pytest.raises(ClientError, match="resource label"):
        scaled.track(1000, "requests", "ALBRequestCountPerTarget", label=wrong)
    assert scaled.scaling.describe_policies()["ScalingPolicies"] == []
    assert scaled.alarms() == {}


def test_of_two_policies_the_more_cautious_decides(scaled, site, world):
    scaled.track(50.0)
    scaled.track(1000, "requests", "ALBRequestCountPerTarget", label=label(site))
    scaled.minutes(4, per_second=195)
    assert scaled.desired == 4
    for _ in range(25):  # the processor idles, but each target still gets as many requests as it should
        before = world.plane.groups.get(site.blue, wire.Tally()).requests
        world.plane.groups[site.blue] = wire.Tally(requests=before + 990 * scaled.serving)
        scaled.minutes(1, per_second=0)
    assert scaled.desired >= 4


def alarm(scaled, arn, threshold, comparison="GreaterThanThreshold"):
    scaled.watch.put_metric_alarm(
        AlarmName="busy-blue-now",
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": "blue"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator=comparison,
        AlarmActions=[arn],
    )


def test_a_step_policy_takes_the_step_of_its_breach_once(scaled):
    arn = scaled.put("steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity", StepAdjustments=STEPS[2:])[
        "PolicyARN"
    ]
    alarm(scaled, arn, 30)
    scaled.minutes(2, per_second=85)  # 36 %: by 6
    assert scaled.desired == 3
    scaled.minutes(1, per_second=85)
    assert scaled.desired == 3  # still the same breach: the new one warms up
    scaled.minutes(2, per_second=120)  # 50 %: by 20
    assert scaled.desired == 6


def test_a_step_policy_shrinks_one_at_a_time(scaled):
    scaled.scaling.set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=5)
    scaled.world.pass_time(300)
    arn = scaled.put("steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity", StepAdjustments=STEPS[:2])[
        "PolicyARN"
    ]
    scaled.minutes(2, per_second=40)  # 18 %
    alarm(scaled, arn, 20, "LessThanThreshold")
    seen = []
    for _ in range(3):
        scaled.minutes(1, per_second=40)
        seen.append(scaled.desired)
    assert seen == [4, 4, 4]  # while it drains for 300 s, the same breach takes no second one


def test_a_simple_policy_waits_for_its_cooldown(scaled):
    arn = scaled.put(
        "simple", PolicyType="SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Cooldown=200
    )["PolicyARN"]
    alarm(scaled, arn, 30)
    scaled.minutes(2, per_second=120)
    assert scaled.desired == 3
    scaled.minutes(2, per_second=120)
    assert scaled.desired == 3
    scaled.minutes(2, per_second=120)
    assert scaled.desired == 4


def test_policies_that_are_off_or_suspended_do_nothing(scaled):
    arn = scaled.put(
        "simple", PolicyType="SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Enabled=False
    )["PolicyARN"]
    alarm(scaled, arn, 30)
    scaled.minutes(3, per_second=120)
    assert scaled.desired == 2
    scaled.put("simple", PolicyType="SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
    scaled.scaling.suspend_processes(AutoScalingGroupName="blue", ScalingProcesses=["AlarmNotification"])
    scaled.minutes(3, per_second=120)
    assert scaled.desired == 2
    scaled.scaling.resume_processes(AutoScalingGroupName="blue", ScalingProcesses=["AlarmNotification"])
    scaled.minutes(1, per_second=120)
    assert scaled.desired == 3


def test_a_policy_by_hand(scaled):
    scaled.put("exact", PolicyType="SimpleScaling", AdjustmentType="ExactCapacity", ScalingAdjustment=99)
    scaled.scaling.execute_policy(AutoScalingGroupName="blue", PolicyName="exact")
    assert scaled.desired == 6
    scaled.track()
    with pytest.raises(ClientError, match="can't be executed"):
        scaled.scaling.execute_policy(AutoScalingGroupName="blue", PolicyName="cpu")


def test_an_alarm_whose_policy_is_gone_says_so(scaled):
    arn = scaled.put("simple", PolicyType="SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)[
        "PolicyARN"
    ]
    alarm(scaled, arn, 30)
    scaled.scaling.delete_policy(AutoScalingGroupName="blue", PolicyName="simple")
    scaled.minutes(2, per_second=120)
    items = scaled.watch.describe_alarm_history(AlarmName="busy-blue-now", HistoryItemType="Action")[
        "AlarmHistoryItems"
    ]
    assert "there is no scaling policy" in items[0]["HistorySummary"]
