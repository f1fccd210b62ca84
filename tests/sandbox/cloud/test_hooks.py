"""Lifecycle hooks: they hold what comes and what goes, for as long as they may, and the API completes them."""

import pytest
from botocore.exceptions import ClientError

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
COMING_UP = 90


def hook(name="wait", transition=LAUNCHING, **changed):
    given = {"LifecycleHookName": name, "LifecycleTransition": transition, "HeartbeatTimeout": 300}
    return {**given, "DefaultResult": "ABANDON", **changed}


def states(site) -> list[str]:
    return sorted(member["LifecycleState"] for member in site.group()["Instances"])


def ids(site) -> list[str]:
    return [member["InstanceId"] for member in site.group()["Instances"]]


def complete(site, id, result="CONTINUE", name="wait", **more):
    site.aws("autoscaling").complete_lifecycle_action(
        AutoScalingGroupName="blue", LifecycleHookName=name, LifecycleActionResult=result, InstanceId=id, **more
    )


def activities(site, code):
    found = site.aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
    return [each for each in found if each["StatusCode"] == code]


def test_a_launch_waits_for_its_hook_and_then_comes_into_service(world, site):
    site.scaling_group(LifecycleHookSpecificationList=[hook()])
    world.pass_time(COMING_UP)
    assert states(site) == ["Pending:Wait"] * 2
    assert site.health() == []
    assert len(activities(site, "MidLifecycleAction")) == 2
    first, second = ids(site)
    complete(site, first)
    assert states(site) == ["Pending:Proceed", "Pending:Wait"]
    world.pass_time(2)
    assert states(site) == ["InService", "Pending:Wait"]
    assert len(site.health()) == 1
    with pytest.raises(ClientError, match=f"No active Lifecycle Action found with instance ID {first}"):
        complete(site, first)
    complete(site, second)
    world.pass_time(20)
    assert [state for state, _ in site.health()] == ["healthy", "healthy"]


def test_an_abandoned_launch_ends_the_instance_and_another_comes(world, site):
    site.scaling_group(LifecycleHookSpecificationList=[hook()])
    world.pass_time(COMING_UP)
    first, second = ids(site)
    complete(site, first, "ABANDON")
    world.pass_time(30)
    assert first not in ids(site)
    assert len(ids(site)) == 2
    (cancelled,) = activities(site, "Cancelled")
    assert cancelled["Description"].startswith(
        f"Launching a new EC2 instance: {first}.  Status Reason: Instance failed"
    )
    assert cancelled["StatusMessage"].endswith("was abandoned: Lifecycle Action Completed with ABANDON Result")
    assert world.cloud.instances.machines[first].instance.state == "terminated"
    assert states(site) == ["Pending:Wait"] * 2
    assert second in ids(site)


@pytest.mark.parametrize("default", ["ABANDON", "CONTINUE"])
def test_when_time_is_up_the_default_decides(world, site, default):
    site.scaling_group(LifecycleHookSpecificationList=[hook(DefaultResult=default)])
    world.pass_time(299)
    before = ids(site)
    assert states(site) == ["Pending:Wait"] * 2
    world.pass_time(3)
    if default == "CONTINUE":
        assert states(site) == ["InService"] * 2
    else:
        assert {world.cloud.instances.machines[id].instance.state for id in before} == {"shutting-down"}
        assert activities(site, "Cancelled")[0]["StatusMessage"].endswith("was abandoned: Heartbeat Timeout")


def test_heartbeats_hold_it_longer_but_not_for_ever(world, site, aws):
    site.scaling_group(LifecycleHookSpecificationList=[hook(HeartbeatTimeout=30)], DesiredCapacity=1, MinSize=1)
    for _ in range(120):
        world.pass_time(25)
        (id,) = ids(site)
        aws("autoscaling").record_lifecycle_action_heartbeat(
            AutoScalingGroupName="blue", LifecycleHookName="wait", InstanceId=id
        )
        assert states(site) == ["Pending:Wait"]
        if world.clock.now() > 2970:
            break
    world.pass_time(27)
    assert world.cloud.instances.machines[id].instance.state == "shutting-down"


def test_all_hooks_have_to_let_it_in(world, site, aws):
    site.scaling_group(LifecycleHookSpecificationList=[hook(), hook("other")])
    world.pass_time(COMING_UP)
    first, _ = ids(site)
    complete(site, first)
    world.pass_time(5)
    assert states(site) == ["Pending:Wait"] * 2
    complete(site, first, name="other")
    world.pass_time(5)
    assert states(site) == ["InService", "Pending:Wait"]


def test_a_hook_that_came_later_holds_what_comes_after_it(world, site, aws):
    site.scaling_group(DesiredCapacity=2)
    world.pass_time(COMING_UP)
    aws("autoscaling").put_lifecycle_hook(AutoScalingGroupName="blue", **hook())
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=3)
    world.pass_time(COMING_UP)
    assert states(site) == ["InService", "InService", "Pending:Wait"]


def test_a_terminating_hook_waits_until_the_target_has_drained(world, site, aws):
    site.scaling_group(LifecycleHookSpecificationList=[hook(transition=TERMINATING)])
    aws("elbv2").modify_target_group_attributes(
        TargetGroupArn=site.blue, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
    )
    world.pass_time(COMING_UP)
    assert states(site) == ["InService"] * 2
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="blue", MinSize=1, DesiredCapacity=1)
    world.pass_time(59)
    assert states(site) == ["InService", "Terminating"]
    world.pass_time(2)
    assert states(site) == ["InService", "Terminating:Wait"]
    leaving = next(m["InstanceId"] for m in site.group()["Instances"] if m["LifecycleState"].startswith("Term"))
    assert world.cloud.instances.machines[leaving].instance.state == "running"
    complete(site, leaving, "ABANDON")
    assert states(site) == ["InService", "Terminating:Proceed"]
    world.pass_time(20)
    assert states(site) == ["InService"]


def test_deleting_a_group_by_force_waits_for_no_hook(world, site, aws):
    site.scaling_group(LifecycleHookSpecificationList=[hook(), hook("leaving", TERMINATING)])
    world.pass_time(COMING_UP)
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    world.pass_time(30)
    assert site.group() == {}


def test_what_the_api_refuses(site, aws):
    site.scaling_group()
    for more, words in (
        ({"LifecycleHookName": "a", "AutoScalingGroupName": "none"}, "AutoScalingGroup name not found"),
        ({"LifecycleHookName": "a"}, "LifecycleTransition is required"),
    ):
        with pytest.raises(ClientError, match=words):
            aws("autoscaling").put_lifecycle_hook(**{"AutoScalingGroupName": "blue", **more})
    with pytest.raises(ClientError, match="Invalid lifecycle action result"):
        complete(site, "i-1", "MAYBE")
    with pytest.raises(ClientError, match="No active Lifecycle Action found with token"):
        complete(site, "i-1", LifecycleActionToken="7b1f7cd5-8e3c-4cf4-a7e6-4a0a8d4a0c3d")


POLICY = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}


class TestMaintenance:
    """All targets fail their checks for three minutes, as when a database that they share is away."""

    def blip(self, world, seconds=180):
        """Those that come meanwhile fail too."""
        for _ in range(seconds // 10):
            world.apps.answers |= dict.fromkeys(world.apps.answers, 503)
            world.pass_time(10)
        world.apps.answers |= dict.fromkeys(world.apps.answers, 200)

    def alive(self, world) -> set[str]:
        return {id for id, machine in world.cloud.instances.machines.items() if machine.alive}

    def test_no_instance_goes_before_another_is_ready(self, world, site):
        site.scaling_group(InstanceMaintenancePolicy=POLICY, HealthCheckGracePeriod=0)
        world.pass_time(COMING_UP)
        before = self.alive(world)
        self.blip(world)
        assert before <= self.alive(world)
        assert len(site.health()) >= 2
        served = []
        for _ in range(40):
            world.pass_time(10)
            served.append(sum(state == "healthy" for state, _ in site.health()))
        assert min(served[3:]) >= 2, served
        assert states(site) == ["InService"] * 2
        assert [state for state, _ in site.health() if state != "draining"] == ["healthy", "healthy"]

    def test_of_too_many_after_all_those_go_that_are_still_ill(self, world, site):
        site.scaling_group(InstanceMaintenancePolicy=POLICY, HealthCheckGracePeriod=300)
        world.pass_time(COMING_UP + 300)
        before = self.alive(world)
        self.blip(world, 240)
        came = [machine.bound for id, machine in world.cloud.instances.machines.items() if id not in before]
        world.apps.answers |= dict.fromkeys(came, 503)
        assert len(ids(site)) == 4
        world.pass_time(90)
        assert [state for state, _ in site.health()].count("healthy") == 2
        assert before <= self.alive(world)

    def test_without_a_policy_all_of_them_are_lost(self, world, site):
        site.scaling_group(HealthCheckGracePeriod=0)
        world.pass_time(COMING_UP)
        before = self.alive(world)
        self.blip(world)
        world.pass_time(400)
        assert not before & self.alive(world)

    def test_what_is_gone_already_is_replaced_at_once(self, world, site, aws):
        site.scaling_group(InstanceMaintenancePolicy=POLICY)
        world.pass_time(COMING_UP)
        first = ids(site)[0]
        aws("ec2").terminate_instances(InstanceIds=[first])
        world.pass_time(20)
        assert first not in ids(site)
        assert len(ids(site)) == 2

    def test_there_are_never_more_than_the_policy_says(self, world, site):
        policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
        site.scaling_group(InstanceMaintenancePolicy=policy, HealthCheckGracePeriod=0)
        world.pass_time(COMING_UP)
        self.blip(world)
        assert states(site) == ["InService"] * 3
        for _ in range(30):
            world.pass_time(10)
            assert sum(not state.startswith("Terminating") for state in states(site)) <= 3
        assert [state for state, _ in site.health() if state != "draining"] == ["healthy", "healthy"]

    def test_what_stays_ill_is_replaced_one_by_one_as_the_new_get_well(self, world, site):
        site.scaling_group(InstanceMaintenancePolicy=POLICY, HealthCheckGracePeriod=0)
        world.pass_time(COMING_UP)
        before = self.alive(world)
        world.apps.answers |= dict.fromkeys(world.apps.answers, 503)
        served = []
        for _ in range(100):
            world.pass_time(10)
            served.append(len([state for state, _ in site.health() if state in ("healthy", "unhealthy")]))
        assert min(served) >= 2
        assert not before & self.alive(world)
        assert [state for state, _ in site.health()] == ["healthy", "healthy"]
