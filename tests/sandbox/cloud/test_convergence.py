"""Whatever is done to a scaling group, in whatever order: it ends up with what was asked for, and never with more."""

import random

import pytest
from botocore.exceptions import ClientError


class Meddler:
    """Does random things to the group, as people, scalers and bad luck do."""

    def __init__(self, site, world, aws, seed):
        self.site, self.world, self.aws = site, world, aws
        self.random = random.Random(seed)

    def act(self):
        self.random.choice((self.resize, self.bound, self.terminate, self.call_unhealthy, self.kill_app, self.wait))()
        group = self.site.group()
        serving = [each for each in group["Instances"] if each["LifecycleState"] in ("Pending", "InService")]
        healthy = [each for each in serving if each["HealthStatus"] == "Healthy"]
        assert group["MinSize"] <= group["DesiredCapacity"] <= group["MaxSize"]
        assert len(healthy) == group["DesiredCapacity"]

    def resize(self):
        group = self.site.group()
        wanted = self.random.randint(group["MinSize"], group["MaxSize"])
        self.aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=wanted)

    def bound(self):
        low = self.random.randint(0, 3)
        self.aws("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName="blue", MinSize=low, MaxSize=low + self.random.randint(0, 3)
        )

    def terminate(self):
        if id := self._somebody():
            self.aws("ec2").terminate_instances(InstanceIds=[id])

    def call_unhealthy(self):
        if id := self._somebody():
            self.aws("autoscaling").set_instance_health(InstanceId=id, HealthStatus="Unhealthy")

    def kill_app(self):
        running = sorted(self.world.apps.running)
        if running:
            app = self.world.apps.running[self.random.choice(running)]
            self.world.apps.answers[app.address, app.port] = 500

    def wait(self):
        self.world.pass_time(self.random.choice((1, 20, 70, 400)))

    def _somebody(self):
        ids = [each["InstanceId"] for each in self.site.group()["Instances"]]
        return self.random.choice(ids) if ids else None


@pytest.mark.parametrize("seed", range(4))
def test_a_group_always_comes_to_rest_as_asked(site, world, aws, seed):
    site.scaling_group()
    meddler = Meddler(site, world, aws, seed)
    for _ in range(15):
        meddler.act()
    world.pass_time(1500)
    group = site.group()
    members = {each["InstanceId"] for each in group["Instances"]}
    assert len(members) == group["DesiredCapacity"]
    assert {each["LifecycleState"] for each in group["Instances"]} <= {"InService"}
    assert site.health() == [("healthy", None)] * len(members)
    assert set(world.apps.running) == members
    assert {target.id for target in world.plane.tables[-1].groups[0].targets} == members
    open_activities = [
        each
        for each in aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
        if "EndTime" not in each
    ]
    assert open_activities == []
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    world.pass_time(320)
    assert (site.group(), site.health(), world.apps.running) == ({}, [], {})
    with pytest.raises(ClientError, match="not found"):
        aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=0)
