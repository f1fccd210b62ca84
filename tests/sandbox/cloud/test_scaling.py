from collections import Counter

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import images
from tests.sandbox.cloud.conftest import REGION, user_data

ARCHITECTURES = ("x86_64", "arm64")


def states(site, name="blue"):
    return [member["LifecycleState"] for member in site.group(name).get("Instances", [])]


def ready(site, world, tag="v1", **changed):
    """A scaling group whose instances have all become healthy."""
    site.scaling_group(tag, **changed)
    world.pass_time(100)


def test_a_group_launches_boots_registers_and_becomes_healthy(site, world):
    site.scaling_group()
    members = site.group()["Instances"]
    assert states(site) == ["Pending", "Pending"]
    assert Counter(member["AvailabilityZone"] for member in members) == {"eu-central-1a": 1, "eu-central-1b": 1}
    assert site.health() == []
    world.pass_time(13)
    assert states(site) == ["InService", "InService"]
    assert site.health() == [("initial", "Elb.RegistrationInProgress")] * 2
    world.pass_time(10)
    assert site.health() == [("initial", "Elb.InitialHealthChecking")] * 2
    world.pass_time(70)
    assert site.health() == [("healthy", None)] * 2
    targets = world.plane.tables[-1].groups[0].targets
    assert [target.state for target in targets] == ["healthy", "healthy"]
    assert {(target.address, target.port) for target in targets} == set(world.apps.answers)


def test_instances_are_pending_then_running_and_carry_propagated_tags(site, world, aws):
    site.scaling_group()
    ids = [member["InstanceId"] for member in site.group()["Instances"]]

    def described():
        reservations = aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    assert [instance["State"]["Name"] for instance in described()] == ["pending", "pending"]
    world.pass_time(13)
    assert [instance["State"]["Name"] for instance in described()] == ["running", "running"]
    tags = {tag["Key"]: tag["Value"] for tag in described()[0]["Tags"]}
    assert tags["bluegreen:color"] == "blue"
    assert tags["aws:autoscaling:groupName"] == "blue"
    assert tags["aws:ec2launchtemplate:version"] == "1"
    assert {instance["SubnetId"] for instance in described()} == set(site.subnets)


def test_the_app_gets_what_the_user_data_says(site, world):
    ready(site, world, "v7-slow")
    app = next(iter(world.apps.running.values()))
    assert (app.service, app.version, app.color, app.port) == ("shop", "v7-slow", "blue", 8080)
    assert (app.behaviour, app.health_path) == ("slow", "/health/deep")
    assert app.image.startswith("000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:")


def test_scale_in_drains_before_it_terminates(site, world, aws):
    ready(site, world)
    aws("elbv2").modify_target_group_attributes(
        TargetGroupArn=site.blue, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
    )
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="blue", MinSize=0)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=1)
    assert sorted(states(site)) == ["InService", "Terminating"]
    assert sorted(site.health()) == [("draining", "Target.DeregistrationInProgress"), ("healthy", None)]
    assert sorted(target.state for target in world.plane.tables[-1].groups[0].targets) == ["draining", "healthy"]
    activity = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"][0]
    assert activity["StatusCode"] == "WaitingForELBConnectionDraining"
    assert "shrinking the capacity from 2 to 1" in activity["Cause"]
    world.pass_time(58)
    assert len(world.apps.running) == 2
    world.pass_time(3)
    assert len(world.apps.running) == 1
    assert site.health() == [("healthy", None)]
    world.pass_time(12)
    assert states(site) == ["InService"]
    assert [grace for _, grace in world.apps.stopped] == [10.0]
    activity = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"][0]
    assert activity["StatusCode"] == "Successful"


def test_to_zero_and_back(site, world, aws):
    ready(site, world)
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="blue", MinSize=0, MaxSize=0, DesiredCapacity=0)
    world.pass_time(320)
    assert (states(site), site.health(), world.apps.running) == ([], [], {})
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="blue", MinSize=2, MaxSize=6)
    assert site.group()["DesiredCapacity"] == 2
    world.pass_time(100)
    assert site.health() == [("healthy", None)] * 2


def test_new_bounds_move_the_desired_capacity(site, world, aws):
    ready(site, world)
    update = aws("autoscaling").update_auto_scaling_group
    update(AutoScalingGroupName="blue", MinSize=3)
    assert site.group()["DesiredCapacity"] == 3
    update(AutoScalingGroupName="blue", MinSize=0, MaxSize=1)
    assert site.group()["DesiredCapacity"] == 1
    update(AutoScalingGroupName="blue", MaxSize=6)
    assert site.group()["DesiredCapacity"] == 1


def test_an_instance_terminated_by_hand_is_replaced(site, world, aws):
    ready(site, world)
    victim = site.group()["Instances"][0]["InstanceId"]
    aws("ec2").terminate_instances(InstanceIds=[victim])
    world.pass_time(5)
    members = site.group()["Instances"]
    assert victim not in [member["InstanceId"] for member in members]
    assert sorted(states(site)) == ["InService", "Pending"]
    assert (victim, None) in world.apps.stopped
    causes = [
        each["Cause"]
        for each in aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
    ]
    assert any("EC2 health check indicating it has been terminated" in cause for cause in causes)
    world.pass_time(100)
    assert site.health() == [("healthy", None)] * 2


def test_unhealthy_targets_are_replaced_only_after_the_grace_period(site, world):
    site.scaling_group("v2-never-healthy", DesiredCapacity=2, HealthCheckGracePeriod=300)
    first = {member["InstanceId"] for member in site.group()["Instances"]}
    world.pass_time(310)
    assert site.health() == [("unhealthy", "Target.ResponseCodeMismatch")] * 2
    assert {member["InstanceId"] for member in site.group()["Instances"]} == first
    world.pass_time(10)
    members = site.group()["Instances"]
    assert {each["InstanceId"] for each in members if each["LifecycleState"] != "Terminating"}.isdisjoint(first)
    assert {each["HealthStatus"] for each in members if each["InstanceId"] in first} == {"Unhealthy"}


def test_with_ec2_checks_an_unhealthy_target_stays(site, world):
    site.scaling_group("never-healthy", HealthCheckType="EC2", HealthCheckGracePeriod=0)
    world.pass_time(200)
    assert site.health() == [("unhealthy", "Target.ResponseCodeMismatch")] * 2
    assert states(site) == ["InService", "InService"]


def test_an_instance_that_a_user_calls_unhealthy_is_replaced(site, world, aws):
    ready(site, world)
    victim = site.group()["Instances"][0]["InstanceId"]
    aws("autoscaling").set_instance_health(InstanceId=victim, HealthStatus="Unhealthy")
    world.pass_time(1)
    assert sorted(states(site)) == ["InService", "Pending", "Terminating"]


def test_terminate_in_group_can_lower_the_capacity(site, world, aws):
    ready(site, world, MinSize=1)
    victim = site.group()["Instances"][0]["InstanceId"]
    answer = aws("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=True
    )
    assert victim in answer["Activity"]["Description"]
    assert site.group()["DesiredCapacity"] == 1
    assert sorted(states(site)) == ["InService", "Terminating"]
    with pytest.raises(ClientError, match="violate group's min size"):
        aws("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=site.group()["Instances"][1]["InstanceId"], ShouldDecrementDesiredCapacity=True
        )


def test_a_group_is_deleted_when_its_instances_have_drained(site, world, aws):
    ready(site, world)
    with pytest.raises(ClientError) as refused:
        aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue")
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    assert site.group()["Status"] == "Delete in progress"
    assert site.health() == [("draining", "Target.DeregistrationInProgress")] * 2
    world.pass_time(320)
    assert site.group() == {}
    assert world.apps.running == {}
    activities = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue", IncludeDeletedGroups=True)
    assert len(activities["Activities"]) == 4


def test_an_update_of_the_template_goes_to_new_instances_only(site, world, aws):
    ready(site, world)
    template = site.group()["LaunchTemplate"]["LaunchTemplateId"]
    image = images.push("shop", "v2", REGION)["image"]
    answer = aws("ec2").create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"UserData": user_data(image)}
    )
    assert answer["LaunchTemplateVersion"]["LaunchTemplateData"]["ImageId"] == "ami-12345678"
    aws("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="blue",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "2"},
        DesiredCapacity=3,
    )
    world.pass_time(100)
    versions = [member["LaunchTemplate"]["Version"] for member in site.group()["Instances"]]
    assert versions == ["1", "1", "2"]
    assert sorted(app.version for app in world.apps.running.values()) == ["v1", "v1", "v2"]
    newest = aws("ec2").describe_instances(InstanceIds=[site.group()["Instances"][2]["InstanceId"]])
    tags = {tag["Key"]: tag["Value"] for tag in newest["Reservations"][0]["Instances"][0]["Tags"]}
    assert tags["aws:ec2launchtemplate:version"] == "2"
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=2)
    kept = [
        each["LaunchTemplate"]["Version"] for each in site.group()["Instances"] if each["LifecycleState"] == "InService"
    ]
    assert sorted(kept) == ["1", "2"]


def test_the_latest_version_is_looked_up_at_each_launch(site, world, aws):
    site.scaling_group(LaunchTemplate={"LaunchTemplateName": "blue-template", "Version": "$Latest"}, DesiredCapacity=2)
    aws("ec2").create_launch_template_version(
        LaunchTemplateName="blue-template", SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"}
    )
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=3)
    assert [member["LaunchTemplate"]["Version"] for member in site.group()["Instances"]] == ["1", "1", "2"]
    assert site.group()["LaunchTemplate"]["Version"] == "$Latest"


def test_an_image_for_another_processor_than_the_instance_types_launches_nothing(site, world, aws):
    images = aws("ec2").describe_images()["Images"]
    made_for = {arch: next(one["ImageId"] for one in images if one["Architecture"] == arch) for arch in ARCHITECTURES}
    site.scaling_group(MinSize=0, DesiredCapacity=0)
    aws("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="blue", LaunchTemplate={"LaunchTemplateName": "blue-template", "Version": "$Latest"}
    )
    for size, (image, type) in enumerate([("x86_64", "t4g.medium"), ("arm64", "t3.medium"), ("arm64", "t4g.medium")]):
        aws("ec2").create_launch_template_version(
            LaunchTemplateName="blue-template",
            SourceVersion="1",
            LaunchTemplateData={"InstanceType": type, "ImageId": made_for[image]},
        )
        aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=1)
        # Longer than it waits before it tries again.
        world.pass_time(900)
        (newest, *_) = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
        assert len(site.group()["Instances"]) == (1 if size == 2 else 0), newest
        if size < 2:
            assert newest["StatusCode"] == "Failed"
            assert f"does not match the architecture '{image}' of the specified AMI" in newest["StatusMessage"]


def test_a_launch_that_fails_says_why_and_is_tried_again(site, world, aws):
    site.scaling_group(MinSize=0, DesiredCapacity=0)
    aws("ec2").delete_launch_template(LaunchTemplateName="blue-template")
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=1)

    def failures():
        activities = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
        return [each["StatusMessage"] for each in activities if each["StatusCode"] == "Failed"]

    assert len(failures()) == 1
    assert "does not exist. Launching EC2 instance failed." in failures()[0]
    world.pass_time(59)
    assert len(failures()) == 1
    world.pass_time(2)
    assert len(failures()) == 2
    assert states(site) == []
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=2)
    assert len(failures()) == 3


def test_an_unknown_instance_profile_fails_the_launch(site, world, aws):
    site.scaling_group(MinSize=0, DesiredCapacity=0)
    aws("ec2").create_launch_template_version(
        LaunchTemplateName="blue-template", SourceVersion="1", LaunchTemplateData={"IamInstanceProfile": {"Name": "x"}}
    )
    aws("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="blue",
        DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateName": "blue-template", "Version": "2"},
    )
    message = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"][0]
    assert message["StatusMessage"].startswith("Invalid IAM Instance Profile name")
    aws("iam").create_instance_profile(InstanceProfileName="x")
    world.pass_time(100)
    assert states(site) == ["InService"]


def test_suspended_processes_rest(site, world, aws):
    ready(site, world)
    aws("autoscaling").suspend_processes(AutoScalingGroupName="blue", ScalingProcesses=["Launch"])
    aws("ec2").terminate_instances(InstanceIds=[site.group()["Instances"][0]["InstanceId"]])
    world.pass_time(50)
    assert states(site) == ["InService"]
    aws("autoscaling").resume_processes(AutoScalingGroupName="blue", ScalingProcesses=["Launch"])
    assert states(site) == ["InService", "Pending"]


def test_protected_instances_stay_at_scale_in(site, world, aws):
    ready(site, world, MinSize=0, NewInstancesProtectedFromScaleIn=True)
    ids = [member["InstanceId"] for member in site.group()["Instances"]]
    aws("autoscaling").set_instance_protection(
        AutoScalingGroupName="blue", InstanceIds=ids[:1], ProtectedFromScaleIn=False
    )
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=0)
    kept = [each["InstanceId"] for each in site.group()["Instances"] if each["LifecycleState"] == "InService"]
    assert kept == ids[1:]


def test_what_was_given_is_read_back(site, world, aws):
    site.scaling_group(
        HealthCheckGracePeriod=0,
        DefaultInstanceWarmup=90,
        DefaultCooldown=20,
        TerminationPolicies=["OldestInstance"],
        LifecycleHookSpecificationList=[
            {
                "LifecycleHookName": "ready",
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                "HeartbeatTimeout": 600,
                "DefaultResult": "ABANDON",
            }
        ],
    )
    group = site.group()
    assert group["HealthCheckGracePeriod"] == 0
    assert (group["DefaultInstanceWarmup"], group["DefaultCooldown"]) == (90, 20)
    assert group["TerminationPolicies"] == ["OldestInstance"]
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="blue", HealthCheckGracePeriod=120)
    assert site.group()["HealthCheckGracePeriod"] == 120
    hooks = aws("autoscaling").describe_lifecycle_hooks(AutoScalingGroupName="blue")["LifecycleHooks"]
    assert [(hook["LifecycleHookName"], hook["HeartbeatTimeout"]) for hook in hooks] == [("ready", 600)]


def test_detaching_a_target_group_drains_its_targets(site, world, aws):
    ready(site, world)
    aws("autoscaling").detach_load_balancer_target_groups(AutoScalingGroupName="blue", TargetGroupARNs=[site.blue])
    assert {state for state, _ in site.health()} == {"draining"}
    aws("autoscaling").attach_load_balancer_target_groups(AutoScalingGroupName="blue", TargetGroupARNs=[site.green])
    assert [state for state, _ in site.health(site.green)] == ["initial", "initial"]


def test_policies_belong_to_their_group_and_go_with_it(site, world, aws):
    asg = aws("autoscaling")
    for name in ("blue", "green"):
        site.scaling_group(name=name, MinSize=0)
        asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="up", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
        )
        asg.put_lifecycle_hook(
            AutoScalingGroupName=name,
            LifecycleHookName="ready",
            LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        )

    def policies():
        return sorted(policy["AutoScalingGroupName"] for policy in asg.describe_policies()["ScalingPolicies"])

    assert policies() == ["blue", "green"]
    asg.execute_policy(AutoScalingGroupName="green", PolicyName="up")
    assert (site.group("blue")["DesiredCapacity"], site.group("green")["DesiredCapacity"]) == (2, 3)
    asg.delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    world.pass_time(13)
    assert policies() == ["green"]
    assert asg.describe_lifecycle_hooks(AutoScalingGroupName="blue")["LifecycleHooks"] == []
    asg.delete_policy(AutoScalingGroupName="green", PolicyName="up")
    assert policies() == []
    for call in (asg.delete_policy, asg.execute_policy):
        with pytest.raises(ClientError, match="Policy name not found"):
            call(AutoScalingGroupName="green", PolicyName="up")


def test_instances_that_are_not_to_be_registered_are_not(site, world, aws):
    site.scaling_group()
    aws("autoscaling").suspend_processes(AutoScalingGroupName="blue", ScalingProcesses=["AddToLoadBalancer"])
    world.pass_time(100)
    assert (states(site), site.health()) == (["InService", "InService"], [])
    aws("autoscaling").resume_processes(AutoScalingGroupName="blue")
    assert [state for state, _ in site.health()] == ["initial", "initial"]


def test_the_fullest_zone_loses_its_oldest_instance(site, world, aws):
    site.scaling_group(MinSize=0, DesiredCapacity=5)
    world.pass_time(20)
    members = site.group()["Instances"]
    zones = [member["AvailabilityZone"][-1] for member in members]
    assert zones == ["a", "b", "a", "b", "a"]

    def leaving():
        return [n for n, member in enumerate(site.group()["Instances"]) if member["LifecycleState"] == "Terminating"]

    aws("autoscaling").set_instance_protection(
        AutoScalingGroupName="blue", InstanceIds=[members[0]["InstanceId"]], ProtectedFromScaleIn=True
    )
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=4)
    assert leaving() == [2]
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=3)
    assert leaving() == [1, 2]
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=2)
    assert leaving() == [1, 2, 4]


def run_by_hand(site, aws):
    template = {"LaunchTemplateName": "blue-template", "Version": "1"}
    answer = aws("ec2").run_instances(LaunchTemplate=template, MinCount=1, MaxCount=1, SubnetId=site.subnets[0])
    return answer["Instances"][0]["InstanceId"]


def test_an_instance_run_by_hand_boots_and_can_be_registered(site, world, aws):
    site.scaling_group(MinSize=0, DesiredCapacity=0)
    id = run_by_hand(site, aws)
    with pytest.raises(ClientError, match="not in a running state"):
        aws("elbv2").register_targets(TargetGroupArn=site.blue, Targets=[{"Id": id}])
    world.pass_time(60)
    aws("elbv2").register_targets(TargetGroupArn=site.blue, Targets=[{"Id": id}])
    world.pass_time(6)
    assert site.health() == [("healthy", None)]


def test_an_attached_instance_belongs_to_the_group(site, world, aws):
    site.scaling_group(MinSize=0, DesiredCapacity=0)
    id = run_by_hand(site, aws)
    world.pass_time(60)
    aws("autoscaling").attach_instances(AutoScalingGroupName="blue", InstanceIds=[id])
    assert (states(site), site.group()["DesiredCapacity"]) == (["InService"], 1)
    world.pass_time(6)
    assert site.health() == [("healthy", None)]
    aws("autoscaling").detach_instances(
        AutoScalingGroupName="blue", InstanceIds=[id], ShouldDecrementDesiredCapacity=True
    )
    assert site.health() == [("draining", "Target.DeregistrationInProgress")]
    world.pass_time(320)
    assert (site.health(), list(world.apps.running)) == ([], [id])
    aws("autoscaling").attach_instances(AutoScalingGroupName="blue", InstanceIds=[id])
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    world.pass_time(320)
    assert (site.group(), world.apps.running) == ({}, {})


def test_an_instance_on_standby_gets_no_traffic(site, world, aws):
    ready(site, world, MinSize=0)
    id = site.group()["Instances"][0]["InstanceId"]
    aws("autoscaling").enter_standby(AutoScalingGroupName="blue", InstanceIds=[id], ShouldDecrementDesiredCapacity=True)
    assert sorted(states(site)) == ["InService", "Standby"]
    assert sorted(state for state, _ in site.health()) == ["draining", "healthy"]
    aws("autoscaling").exit_standby(AutoScalingGroupName="blue", InstanceIds=[id])
    assert (states(site), site.group()["DesiredCapacity"]) == (["InService", "InService"], 2)
    assert sorted(state for state, _ in site.health()) == ["healthy", "initial"]


def test_a_full_subnet_fails_the_launch_until_an_address_is_free(site, world, aws):
    small = aws("ec2").create_subnet(VpcId=site.vpc, CidrBlock="10.0.9.0/28", AvailabilityZone="eu-central-1a")
    subnet = small["Subnet"]["SubnetId"]
    site.scaling_group(MinSize=0, MaxSize=20, DesiredCapacity=12, VPCZoneIdentifier=subnet)
    held = len(states(site))
    assert 10 <= held < 12
    activities = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")["Activities"]
    assert f"not enough free addresses in subnet '{subnet}'" in activities[0]["StatusMessage"]
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=0)
    world.pass_time(13)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="blue", DesiredCapacity=10)
    assert states(site) == ["Pending"] * 10
