import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.cloud import targets
from sandbox.cloud.probing import Outcome
from sandbox.cloud.targets import Settings, Target

GOOD, BAD, LATE, REFUSED = Outcome(status=200), Outcome(status=503), Outcome(timed_out=True), Outcome()


def settings(healthy_after=2, unhealthy_after=3, codes="200"):
    return Settings("/health/deep", 30.0, 5.0, healthy_after, unhealthy_after, codes)


def after(*outcomes, **changed):
    target = Target("i-1", 8080)
    for outcome in outcomes:
        target.checked(outcome, settings(**changed))
    return target.condition


def test_a_new_target_is_healthy_after_one_good_check():
    assert after(GOOD) == targets.HEALTHY
    assert after(BAD, BAD, GOOD) == targets.HEALTHY


def test_an_unhealthy_target_needs_the_healthy_threshold():
    assert after(BAD, BAD, BAD, GOOD, healthy_after=3)[0] == "unhealthy"
    assert after(BAD, BAD, BAD, GOOD, GOOD, BAD, GOOD, healthy_after=3)[0] == "unhealthy"
    assert after(BAD, BAD, BAD, GOOD, GOOD, GOOD, healthy_after=3) == targets.HEALTHY


def test_a_healthy_target_survives_fewer_failures_than_the_threshold():
    assert after(GOOD, BAD, BAD) == targets.HEALTHY
    assert after(GOOD, BAD, BAD, GOOD, BAD, BAD) == targets.HEALTHY
    assert after(GOOD, BAD, BAD, BAD)[0] == "unhealthy"


@pytest.mark.parametrize(
    ("outcome", "reason", "description"),
    [
        (BAD, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        (LATE, "Target.Timeout", "Request timed out"),
        (REFUSED, "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_reasons_are_those_of_aws(outcome, reason, description):
    assert after(GOOD, outcome, outcome, outcome) == ("unhealthy", reason, description)


def test_the_reason_follows_the_last_failure():
    assert after(BAD, BAD, BAD, LATE) == targets.TIMED_OUT


@pytest.mark.parametrize(
    ("codes", "accepted", "refused"),
    [("200", [200], [201, 302]), ("200,204", [200, 204], [202]), ("200-299,404", [200, 250, 299, 404], [300, 403])],
)
def test_the_matcher_decides_which_codes_are_good(codes, accepted, refused):
    assert all(settings(codes=codes).accepts(code) for code in accepted)
    assert not any(settings(codes=codes).accepts(code) for code in refused)


@given(st.lists(st.sampled_from([GOOD, BAD, LATE, REFUSED]), max_size=30), st.integers(2, 10), st.integers(2, 10))
def test_a_state_only_changes_after_a_run_of_its_threshold(outcomes, healthy_after, unhealthy_after):
    target, run, last = Target("i-1", 8080), 0, None
    for outcome in outcomes:
        before = target.state
        good = outcome == GOOD
        run, last = (run + 1 if good == last else 1), good
        target.checked(outcome, settings(healthy_after, unhealthy_after))
        if (before, target.state) == ("healthy", "unhealthy"):
            assert not good
            assert run == unhealthy_after
        if (before, target.state) == ("unhealthy", "healthy"):
            assert good
            assert run == healthy_after
        assert target.state != "initial" or before == "initial"


def test_checks_go_to_the_path_at_the_interval(site, world):
    site.scaling_group(MinSize=1, DesiredCapacity=1)
    world.pass_time(13)
    assert world.prober.checks == []
    world.pass_time(300)
    assert {check.path for check in world.prober.checks} == {"/health/deep"}
    assert {check.timeout for check in world.prober.checks} == {5.0}
    assert len(world.prober.checks) == 10


def test_a_faster_interval_is_taken_up(site, world, aws):
    site.scaling_group(MinSize=1, DesiredCapacity=1)
    aws("elbv2").modify_target_group(
        TargetGroupArn=site.blue, HealthCheckIntervalSeconds=10, HealthCheckPath="/health", HealthCheckTimeoutSeconds=2
    )
    world.pass_time(113)
    assert {check.path for check in world.prober.checks} == {"/health"}
    assert len(world.prober.checks) == 10


def test_a_hanging_app_is_unhealthy_by_timeout(site, world):
    site.scaling_group(MinSize=1, DesiredCapacity=1)
    world.pass_time(100)
    assert site.health() == [("healthy", None)]
    world.prober.slow = {app.address for app in world.apps.running.values()}
    world.pass_time(95)
    assert site.health() == [("unhealthy", "Target.Timeout")]
    assert world.plane.tables[-1].groups[0].targets[0].state == "unhealthy"


def test_a_group_without_traffic_is_unused_and_begins_when_it_gets_some(site, world, aws):
    spare = site.target_group("spare")
    site.scaling_group(TargetGroupARNs=[spare])
    world.pass_time(100)
    assert site.health(spare) == [("unused", "Target.NotInUse")] * 2
    assert world.prober.checks == []
    assert spare not in [group.arn for group in world.plane.tables[-1].groups]
    aws("elbv2").create_rule(
        ListenerArn=site.listener,
        Priority=20,
        Conditions=[{"Field": "host-header", "Values": ["test.example"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": spare}],
    )
    assert site.health(spare) == [("initial", "Elb.RegistrationInProgress")] * 2
    world.pass_time(6)
    assert site.health(spare) == [("healthy", None)] * 2


def test_a_stopped_instance_is_in_an_invalid_state(site, world, aws):
    site.scaling_group(MinSize=1, DesiredCapacity=1)
    world.pass_time(100)
    aws("autoscaling").suspend_processes(AutoScalingGroupName="blue", ScalingProcesses=["HealthCheck"])
    aws("ec2").stop_instances(InstanceIds=[site.group()["Instances"][0]["InstanceId"]])
    assert site.health() == [("unused", "Target.InvalidState")]
    assert world.plane.tables[-1].groups[0].targets == ()


def test_targets_that_were_never_registered_are_unused(site, world, aws):
    answer = aws("elbv2").describe_target_health(TargetGroupArn=site.blue, Targets=[{"Id": "i-0123456789abcdef0"}])
    health = answer["TargetHealthDescriptions"][0]
    assert health["TargetHealth"] == {
        "State": "unused",
        "Reason": "Target.NotRegistered",
        "Description": "Target is not registered to the target group",
    }


def test_a_draining_target_that_is_registered_again_starts_anew(site, world, aws):
    site.scaling_group(MinSize=1, DesiredCapacity=1)
    world.pass_time(100)
    id = site.group()["Instances"][0]["InstanceId"]
    aws("elbv2").deregister_targets(TargetGroupArn=site.blue, Targets=[{"Id": id}])
    assert site.health() == [("draining", "Target.DeregistrationInProgress")]
    aws("elbv2").register_targets(TargetGroupArn=site.blue, Targets=[{"Id": id}])
    assert site.health() == [("initial", "Elb.RegistrationInProgress")]
    world.pass_time(6)
    assert site.health() == [("healthy", None)]


def test_a_target_can_drain_at_once(site, world, aws):
    aws("elbv2").modify_target_group_attributes(
        TargetGroupArn=site.blue, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    )
    site.scaling_group(MinSize=0, DesiredCapacity=1)
    world.pass_time(100)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=0)
    assert site.health() == []
    assert world.apps.running == {}
    world.pass_time(13)
    assert site.group()["Instances"] == []


def test_a_target_of_an_unused_group_has_nothing_to_drain(site, world, aws):
    spare = site.target_group("spare")
    site.scaling_group(MinSize=0, TargetGroupARNs=[spare])
    world.pass_time(100)
    assert [state for state, _ in site.health(spare)] == ["unused", "unused"]
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=0)
    assert site.health(spare) == []
    world.pass_time(13)
    assert site.group()["Instances"] == []


def test_deregistering_what_is_not_registered_is_fine(site, aws):
    aws("elbv2").deregister_targets(TargetGroupArn=site.blue, Targets=[{"Id": "i-0123456789abcdef0"}])
    assert site.health() == []
