"""Instance refreshes: a few instances at a time, with checkpoints, cancelled and taken back."""

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import images
from tests.sandbox.cloud.conftest import REGION, user_data

FAST = {"MinHealthyPercentage": 50, "InstanceWarmup": 10}


class Fleet:
    """A group of four that runs v1; template version 2 is v2."""

    def __init__(self, site, tag="v2", **changed):
        self.site, self.world, self.scaling = site, site.world, site.aws("autoscaling")
        given = {"MinSize": 1, "MaxSize": 8, "DesiredCapacity": 4, "HealthCheckGracePeriod": 60} | changed
        site.scaling_group("v1", **given)
        self.world.pass_time(300)
        assert [state for state, _ in site.health()] == ["healthy"] * given["DesiredCapacity"]
        template = site.group()["LaunchTemplate"]["LaunchTemplateId"]
        image = images.push("shop", tag, REGION)["image"]
        site.aws("ec2").create_launch_template_version(
            LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"UserData": user_data(image)}
        )
        self.desired = {"LaunchTemplate": {"LaunchTemplateId": template, "Version": "2"}}

    def start(self, desired=True, **preferences):
        wanted = {"DesiredConfiguration": self.desired} if desired else {}
        answer = self.scaling.start_instance_refresh(
            AutoScalingGroupName="blue", Preferences=FAST | preferences, **wanted
        )
        return answer["InstanceRefreshId"]

    def look(self):
        found = self.scaling.describe_instance_refreshes(AutoScalingGroupName="blue")["InstanceRefreshes"]
        return found[0]

    @property
    def status(self):
        return self.look()["Status"]

    def versions(self):
        return sorted(
            each["LaunchTemplate"]["Version"]
            for each in self.site.group()["Instances"]
            if not each["LifecycleState"].startswith("Terminating")
        )

    def until(self, status, seconds=6000, step=5):
        """Lets time pass until then; the least and the most healthy targets in between."""
        seen = []
        for _ in range(seconds // step):
            seen.append([state for state, _ in self.site.health()].count("healthy"))
            if self.status == status:
                return min(seen), max(seen)
            self.world.pass_time(step)
        raise AssertionError(f"{self.status}, not {status}: {self.look()}")


def test_it_replaces_all_and_then_the_group_is_of_the_new_version(site):
    fleet = Fleet(site)
    assert fleet.start() == fleet.look()["InstanceRefreshId"]
    assert (fleet.status, fleet.look()["InstancesToUpdate"], fleet.look()["PercentageComplete"]) == ("Pending", 0, 0)
    fleet.world.pass_time(10)
    now = fleet.look()
    assert (now["Status"], now["InstancesToUpdate"], now["PercentageComplete"]) == ("InProgress", 4, 0)
    assert site.group()["LaunchTemplate"]["Version"] == "1"
    least, _ = fleet.until("Successful")
    assert least >= 2
    done = fleet.look()
    assert (done["PercentageComplete"], done["InstancesToUpdate"]) == (100, 0)
    assert "EndTime" in done and done["DesiredConfiguration"] == fleet.desired
    assert site.group()["LaunchTemplate"]["Version"] == "2"
    fleet.world.pass_time(600)
    assert fleet.versions() == ["2"] * 4
    told = fleet.scaling.describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
    assert any("in response to an instance refresh" in activity["Cause"] for activity in told)


def test_launch_before_terminate_never_has_fewer(site):
    fleet = Fleet(site)
    fleet.start(MinHealthyPercentage=100, MaxHealthyPercentage=150)
    least, _ = fleet.until("Successful")
    assert least == 4
    fleet.world.pass_time(600)
    assert fleet.versions() == ["2"] * 4


def test_a_checkpoint_waits_and_then_goes_on(site):
    fleet = Fleet(site)
    fleet.start(CheckpointPercentages=[25, 100], CheckpointDelay=900)
    fleet.world.pass_time(400)
    for _ in range(8):
        now = fleet.look()
        assert (now["Status"], now["PercentageComplete"], now["InstancesToUpdate"]) == ("InProgress", 25, 3)
        assert "25 percent" in now["StatusReason"]
        assert fleet.versions() == ["1", "1", "1", "2"]
        fleet.world.pass_time(60)
    fleet.until("Successful")
    assert fleet.versions() == ["2"] * 4


def test_a_last_checkpoint_below_100_is_the_end(site):
    fleet = Fleet(site)
    fleet.start(CheckpointPercentages=[50], CheckpointDelay=60)
    fleet.until("Successful")
    assert fleet.versions() == ["1", "1", "2", "2"]


def test_the_warmup_is_waited_for(site):
    fleet = Fleet(site)
    fleet.start(InstanceWarmup=1200, MinHealthyPercentage=75)
    fleet.world.pass_time(600)
    now = fleet.look()
    assert (now["PercentageComplete"], fleet.versions()) == (0, ["1", "1", "1", "2"])
    assert "warm up" in now["StatusReason"]


def test_what_matches_is_skipped(site):
    fleet = Fleet(site)
    fleet.start(CheckpointPercentages=[50], CheckpointDelay=0)
    fleet.until("Successful")
    fleet.world.pass_time(300)
    kept = {each["InstanceId"] for each in site.group()["Instances"] if each["LaunchTemplate"]["Version"] == "2"}
    fleet.start(SkipMatching=True)
    fleet.world.pass_time(10)
    assert fleet.look()["InstancesToUpdate"] == 2
    fleet.until("Successful")
    assert kept <= {each["InstanceId"] for each in site.group()["Instances"]}
    assert fleet.versions() == ["2"] * 4


def test_without_a_desired_configuration_the_groups_own_is_taken(site):
    fleet = Fleet(site)
    fleet.start(desired=False)
    fleet.scaling.update_auto_scaling_group(AutoScalingGroupName="blue", **fleet.desired)
    fleet.until("Successful")
    assert fleet.versions() == ["2"] * 4
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        fleet.scaling.rollback_instance_refresh(AutoScalingGroupName="blue")


def test_while_it_runs_the_template_is_not_to_be_changed(site):
    fleet = Fleet(site)
    fleet.start()
    with pytest.raises(ClientError, match="An active instance refresh with a desired configuration exists"):
        fleet.scaling.update_auto_scaling_group(AutoScalingGroupName="blue", **fleet.desired)
    fleet.scaling.update_auto_scaling_group(AutoScalingGroupName="blue", MaxSize=9)
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        fleet.start()


def test_cancelling_leaves_things_as_they_are(site):
    fleet = Fleet(site)
    fleet.start(CheckpointPercentages=[50, 100], CheckpointDelay=3600)
    fleet.world.pass_time(500)
    fleet.scaling.cancel_instance_refresh(AutoScalingGroupName="blue")
    fleet.until("Cancelled")
    fleet.world.pass_time(300)
    assert fleet.versions() == ["1", "1", "2", "2"]
    assert site.group()["LaunchTemplate"]["Version"] == "1"
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        fleet.scaling.cancel_instance_refresh(AutoScalingGroupName="blue")


def test_a_rollback_replaces_only_what_was_updated(site):
    fleet = Fleet(site)
    kept = {each["InstanceId"] for each in site.group()["Instances"]}
    fleet.start(CheckpointPercentages=[50, 100], CheckpointDelay=3600)
    fleet.world.pass_time(500)
    kept &= {each["InstanceId"] for each in site.group()["Instances"]}
    fleet.scaling.rollback_instance_refresh(AutoScalingGroupName="blue")
    now = fleet.look()
    assert (now["Status"], now["PercentageComplete"]) == ("RollbackInProgress", 50)
    assert now["RollbackDetails"]["PercentageCompleteOnRollback"] == 50
    with pytest.raises(ClientError, match="IrreversibleInstanceRefresh"):
        fleet.scaling.rollback_instance_refresh(AutoScalingGroupName="blue")
    fleet.until("RollbackSuccessful")
    assert fleet.look()["PercentageComplete"] == 0
    fleet.world.pass_time(300)
    assert fleet.versions() == ["1"] * 4
    assert len(kept) == 2 and kept <= {each["InstanceId"] for each in site.group()["Instances"]}
    assert site.group()["LaunchTemplate"]["Version"] == "1"


def test_a_release_that_never_gets_healthy_is_taken_back(site):
    fleet = Fleet(site, "v2-never-healthy")
    fleet.start(AutoRollback=True, MinHealthyPercentage=75)
    least, _ = fleet.until("RollbackSuccessful", 12000, step=60)
    assert least >= 3
    assert "did not become healthy" in fleet.look()["RollbackDetails"]["RollbackReason"]
    fleet.world.pass_time(300)
    assert fleet.versions() == ["1"] * 4


def test_a_release_that_never_gets_healthy_fails_otherwise(site):
    fleet = Fleet(site, "v2-never-healthy")
    fleet.start(MinHealthyPercentage=75)
    fleet.until("Failed", 12000, step=60)
    assert "did not become healthy" in fleet.look()["StatusReason"]


def test_an_alarm_takes_it_back(site):
    fleet = Fleet(site)
    site.aws("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    fleet.start(AutoRollback=True, AlarmSpecification={"Alarms": ["errors"]}, CheckpointPercentages=[25, 100])
    fleet.world.pass_time(400)
    assert fleet.status == "InProgress"
    site.aws("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    fleet.world.pass_time(5)
    assert fleet.status == "RollbackInProgress"
    assert "errors" in fleet.look()["RollbackDetails"]["RollbackReason"]


def test_a_single_instance_is_replaced_too(site):
    fleet = Fleet(site, MinSize=1, DesiredCapacity=1)
    fleet.start(MinHealthyPercentage=90)
    fleet.until("Successful")
    assert fleet.versions() == ["2"]


def test_it_bakes_at_its_end(site):
    fleet = Fleet(site, MinSize=1, DesiredCapacity=1)
    fleet.start(BakeTime=600)
    fleet.until("Baking")
    assert site.group()["LaunchTemplate"]["Version"] == "1"
    fleet.world.pass_time(610)
    assert fleet.status == "Successful"


@pytest.mark.parametrize(
    ("preferences", "words"),
    [
        ({"MinHealthyPercentage": 101}, "MinHealthyPercentage must be between"),
        ({"MinHealthyPercentage": 100, "MaxHealthyPercentage": 201}, "MaxHealthyPercentage must be between"),
        ({"MinHealthyPercentage": 50, "MaxHealthyPercentage": 151}, "The difference between"),
        ({"CheckpointPercentages": [50, 20]}, "ascending order"),
        ({"CheckpointPercentages": [0, 100]}, "from 1 to 100"),
        ({"CheckpointDelay": 5}, "You must specify CheckpointPercentages"),
        ({"CheckpointPercentages": [100], "CheckpointDelay": 172801}, "CheckpointDelay must be between"),
        ({"ScaleInProtectedInstances": "Perhaps"}, "ScaleInProtectedInstances must be one of"),
    ],
)
def test_refused_preferences(site, preferences, words):
    site.scaling_group("v1")
    with pytest.raises(ClientError, match=words):
        site.aws("autoscaling").start_instance_refresh(AutoScalingGroupName="blue", Preferences=preferences)


def test_refused_otherwise(site):
    scaling = site.aws("autoscaling")
    with pytest.raises(ClientError, match="name not found"):
        scaling.start_instance_refresh(AutoScalingGroupName="none")
    site.scaling_group("v1")
    wrong = {"LaunchTemplate": {"LaunchTemplateName": "blue-template", "Version": "7"}}
    with pytest.raises(ClientError, match="valid fully-formed launch template"):
        scaling.start_instance_refresh(AutoScalingGroupName="blue", DesiredConfiguration=wrong)
    with pytest.raises(ClientError, match="AutoRollback requires"):
        scaling.start_instance_refresh(AutoScalingGroupName="blue", Preferences={"AutoRollback": True})
    with pytest.raises(ClientError, match="You must specify MinHealthyPercentage"):
        scaling.start_instance_refresh(AutoScalingGroupName="blue", Preferences={"MaxHealthyPercentage": 150})
