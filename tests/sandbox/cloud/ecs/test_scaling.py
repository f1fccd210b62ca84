"""Services are scaled: within their bounds at once, and by their policies from what the balancer saw."""

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.watch.adjusting import Breach
from sandbox.traffic import wire

PLACE = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/shop/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}


class Scaled:
    def __init__(self, yard, aws):
        self.yard, self.world = yard, yard.world
        self.scaling, self.watch = aws("application-autoscaling"), aws("cloudwatch")
        yard.service(yard.definition())
        self.world.pass_time(90)

    def bound(self, low=None, high=None, **more):
        bounds = {key: value for key, value in (("MinCapacity", low), ("MaxCapacity", high)) if value is not None}
        return self.scaling.register_scalable_target(**PLACE, **bounds, **more)

    def track(self, metric="ECSServiceAverageCPUUtilization", target=50.0, label=None, **more):
        predefined = {"PredefinedMetricType": metric, **({"ResourceLabel": label} if label else {})}
        config = {"TargetValue": target, "PredefinedMetricSpecification": predefined, **more}
        return self.scaling.put_scaling_policy(
            **PLACE, PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=config
        )

    def minutes(self, count, per_second):
        """Each task gets so many requests a second: `2 + 0.4 * per_second` percent."""
        ips = [each["Target"]["Id"] for each in self._targets()]
        for _ in range(count):
            for ip in ips:
                before = self.world.plane.targets.get(ip, wire.Tally()).requests
                self.world.plane.targets[ip] = wire.Tally(requests=int(before + per_second * 60))
            total = sum(self.world.plane.targets[ip].requests for ip in ips)
            self.world.plane.groups[self.yard.group] = wire.Tally(requests=total)
            self.world.pass_time(60)

    def _targets(self):
        return self.yard.elb.describe_target_health(TargetGroupArn=self.yard.group)["TargetHealthDescriptions"]

    @property
    def desired(self):
        return self.yard.look()["desiredCount"]

    def activities(self):
        return self.scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]


@pytest.fixture
def scaled(yard, aws):
    return Scaled(yard, aws)


def test_a_minimum_raises_and_a_maximum_lowers(scaled):
    scaled.bound(1, 6)
    assert scaled.desired == 2 and not scaled.activities()
    scaled.bound(4)
    assert scaled.desired == 4
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 4"
    scaled.world.pass_time(90)
    assert len(scaled.yard.tasks()) == 4
    scaled.bound(1, 3)
    assert (scaled.desired, scaled.activities()[0]["Cause"]) == (3, "maximum capacity was set to 3")
    # What a user sets is not corrected before the next change.
    scaled.yard.update(desiredCount=0)
    scaled.world.pass_time(60)
    assert scaled.desired == 0


def test_load_scales_out_and_the_end_of_it_in_again(scaled):
    scaled.bound(1, 6)
    assert len(scaled.track()["Alarms"]) == 2
    scaled.world.pass_time(60)
    for _ in range(6):
        if scaled.desired == 2:
            scaled.minutes(1, 250)  # 100 %, capped: twice the target
    assert scaled.desired == 4
    assert "AlarmHigh" in scaled.activities()[0]["Cause"]
    scaled.minutes(25, 5)
    assert scaled.desired < 4


def test_requests_for_each_target(scaled):
    balancer = scaled.yard.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"].partition("balancer/")[
        2
    ]
    group = scaled.yard.group.rpartition(":")[2]
    scaled.bound(2, 5)
    with pytest.raises(ClientError, match="load balancer and target group don't exist"):
        scaled.track("ALBRequestCountPerTarget", 100.0, label="app/x/1/targetgroup/y/2")
    scaled.track("ALBRequestCountPerTarget", 100.0, label=f"{balancer}/{group}")
    scaled.world.pass_time(60)
    scaled.minutes(6, 50)
    assert scaled.desired == 5


def test_what_is_suspended_does_not_scale(scaled):
    scaled.bound(1, 6, SuspendedState={"DynamicScalingOutSuspended": True})
    scaled.track()
    scaled.minutes(6, 250)
    assert scaled.desired == 2


def test_nothing_gets_smaller_while_it_deploys(scaled):
    scaled.bound(1, 6)
    scaled.track()
    scaled.yard.update(taskDefinition=scaled.yard.definition("v2-never-healthy"), healthCheckGracePeriodSeconds=7200)
    scaled.minutes(30, 0)
    assert scaled.yard.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert scaled.desired == 2
    scaled.yard.update(taskDefinition="shop:1")
    scaled.minutes(10, 0)
    assert scaled.desired == 1


def test_a_step_is_taken_once_and_again_when_it_has_cooled_down(scaled):
    scaled.bound(1, 9)
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 3},
    ]
    config = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 300, "StepAdjustments": steps}
    arn = scaled.scaling.put_scaling_policy(
        **PLACE, PolicyName="s", PolicyType="StepScaling", StepScalingPolicyConfiguration=config
    )["PolicyARN"]

    def fire(value):
        assert scaled.world.cloud.watch.alarms.scale(arn, Breach("busy", value, 50.0)) is None
        return scaled.desired

    assert [fire(55.0) for _ in range(3)] == [3, 3, 3]
    assert fire(65.0) == 5
    scaled.world.pass_time(310)
    assert fire(55.0) == 6


def test_a_policy_stays_itself_and_goes_with_its_target(scaled):
    scaled.bound(1, 6)
    first, second = scaled.track(), scaled.track(target=60.0)
    assert first["PolicyARN"] == second["PolicyARN"]
    assert [alarm["AlarmName"] for alarm in first["Alarms"]] == [alarm["AlarmName"] for alarm in second["Alarms"]]
    assert {alarm["Threshold"] for alarm in scaled.watch.describe_alarms()["MetricAlarms"]} == {60.0, 54.0}
    scaled.scaling.deregister_scalable_target(**PLACE)
    assert not scaled.watch.describe_alarms()["MetricAlarms"]
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        scaled.scaling.deregister_scalable_target(**PLACE)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [((3, 1), "Maximum capacity cannot be less"), ((1, None), "MaxCapacity must be"), ((-1, 1), "must be 0 or more")],
)
def test_refused_bounds(scaled, bounds, words):
    with pytest.raises(ClientError, match=words):
        scaled.bound(*bounds)


def test_refused_otherwise(scaled):
    with pytest.raises(ClientError, match="No scalable target registered"):
        scaled.track()
    with pytest.raises(ClientError, match="ECS service doesn't exist"):
        scaled.scaling.register_scalable_target(
            **(PLACE | {"ResourceId": "service/shop/x"}), MinCapacity=1, MaxCapacity=1
        )
