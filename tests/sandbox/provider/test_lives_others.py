"""Scaling groups, roles, parameters, buckets, logs and alarms from creation to deletion."""

from __future__ import annotations

import json

import pytest

from sandbox.engine.protocol import UNKNOWN, ProviderError, Secret
from tests.sandbox.provider.lives import GONE, TRUST, Story, refused

TAGS = {"tags": {"Name": "x", "team": "web"}}
RETAG = {"tags": {"Name": "y", "cost": "1"}}
UNTAG = {"tags": GONE}
GROUP, POLICY = "aws:autoscaling/group:Group", "aws:autoscaling/policy:Policy"
ROLE, PARAMETER, BUCKET = "aws:iam/role:Role", "aws:ssm/parameter:Parameter", "aws:s3/bucket:Bucket"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
OTHER = DOCUMENT.replace("s3:*", "sqs:*")
TOPIC = "arn:aws:sns:us-east-1:000000000000:x"
SSM_CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
AGENT = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"


def label(key, value="x", spread=True):
    return {"key": key, "value": value, "propagateAtLaunch": spread}


def fleet(world):
    return {
        "minSize": 1,
        "maxSize": 3,
        "desiredCapacity": 2,
        "launchTemplate": {"id": world.template().id, "version": "1"},
        "vpcZoneIdentifiers": [world.subnet(1).id, world.subnet(0).id],
        "targetGroupArns": world.target_groups()[:1],
        "healthCheckType": "ELB",
        "healthCheckGracePeriod": 60,
        "waitForCapacityTimeout": "0",
        "tags": [label("Name"), label("bluegreen:color", "blue")],
    }


def another_version(world, life):
    id_ = life["launchTemplate"]["id"]
    world.provider._clients("ec2", "us-east-1").create_launch_template_version(
        LaunchTemplateId=id_, LaunchTemplateData={"ImageId": "ami-87654321", "InstanceType": "t3.large"}
    )
    return {"id": id_, "version": "2"}


def scaling(world):
    return {
        "autoscalingGroupName": world.make(GROUP, **fleet(world)).id,
        "policyType": "TargetTrackingScaling",
        "targetTrackingConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
            "targetValue": 50,
        },
    }


HOOK = {"name": "boot", "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
STEPS = {
    "policyType": "StepScaling",
    "targetTrackingConfiguration": GONE,
    "adjustmentType": "ChangeInCapacity",
    "stepAdjustments": [{"scalingAdjustment": 1, "metricIntervalLowerBound": "0"}],
}
SIMPLE = {"adjustmentType": "ChangeInCapacity", "scalingAdjustment": 1, "cooldown": 60}
ALARM = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 2,
    "metricName": "CPUUtilization",
    "namespace": "AWS/EC2",
    "period": 60,
    "statistic": "Average",
    "threshold": 80,
    "dimensions": {"AutoScalingGroupName": "blue"},
}
QUERIES = [
    {"id": "ratio", "expression": "a/b", "label": "errors", "returnData": True},
    *(
        {
            "id": id_,
            "metric": {
                "metricName": name,
                "namespace": "AWS/ApplicationELB",
                "period": 60,
                "stat": "Sum",
                "dimensions": {"LoadBalancer": "app/x/y"},
            },
        }
        for id_, name in (("a", "HTTPCode_Target_5XX_Count"), ("b", "RequestCount"))
    ),
]

STORIES = [
    Story(
        GROUP,
        fleet,
        updates=(
            {"minSize": 2, "maxSize": 4, "desiredCapacity": 3},
            {"launchTemplate": another_version},
            {"tags": [label("Name", "y"), label("new", spread=False)]},
            {"targetGroupArns": lambda world, life: world.target_groups()[1:]},
            {"vpcZoneIdentifiers": lambda world, life: life["vpcZoneIdentifiers"][:1]},
            {"healthCheckType": "EC2", "healthCheckGracePeriod": 10},
            {"suspendedProcesses": ["AZRebalance", "ReplaceUnhealthy"]},
            {"suspendedProcesses": ["AZRebalance"]},
            {"enabledMetrics": ["GroupDesiredCapacity"]},
            {"forceDelete": True, "ignoreFailedScalingActivities": True, "waitForCapacityTimeout": "1m"},
            {"protectFromScaleIn": True},
        ),
        lost=(
            {"defaultCooldown": 60, "capacityRebalance": True, "maxInstanceLifetime": 86400},
            {"defaultInstanceWarmup": 30},
            {"instanceMaintenancePolicy": {"minHealthyPercentage": 100, "maxHealthyPercentage": 110}},
            {"terminationPolicies": ["OldestInstance"]},
        ),
        replaces=({"name": "other"}, {"initialLifecycleHooks": [HOOK]}),
        by_hand=frozenset({"waitForCapacityTimeout"}),
    ),
    Story(
        POLICY,
        scaling,
        updates=(
            {
                "targetTrackingConfiguration": {
                    "predefinedMetricSpecification": {
                        "predefinedMetricType": "ALBRequestCountPerTarget",
                        "resourceLabel": "app/x/y/targetgroup/z/w",
                    },
                    "targetValue": 100,
                }
            },
            STEPS,
            {"estimatedInstanceWarmup": 60},
            {"metricAggregationType": "Maximum"},
        ),
        replaces=({"name": "other"}, {"autoscalingGroupName": "other"}),
        lost=({"enabled": False},),
        import_id=lambda life: f"{life['autoscalingGroupName']}/{life['name']}",
    ),
    Story(
        POLICY,
        lambda world: {"autoscalingGroupName": world.make(GROUP, **fleet(world)).id, **SIMPLE},
        updates=(
            {"cooldown": 30, "scalingAdjustment": 2},
            {"adjustmentType": "PercentChangeInCapacity", "minAdjustmentMagnitude": 2},
        ),
        import_id=lambda life: f"{life['autoscalingGroupName']}/{life['name']}",
    ),
    Story(
        ROLE,
        lambda world: {"assumeRolePolicy": TRUST, "description": "d", **TAGS},
        updates=(
            {"assumeRolePolicy": TRUST.replace("ec2.", "ecs-tasks.")},
            {"description": "e", "maxSessionDuration": 7200},
            {"managedPolicyArns": [SSM_CORE]},
            {"managedPolicyArns": [AGENT]},
            {"inlinePolicies": [{"name": "a", "policy": DOCUMENT}]},
            {"inlinePolicies": [{"name": "a", "policy": OTHER}]},
            {"forceDetachPolicies": True, "permissionsBoundary": SSM_CORE},
            {"permissionsBoundary": GONE},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"}, {"path": "/other/"}),
    ),
    Story(
        "aws:iam/rolePolicy:RolePolicy",
        lambda world: {"role": world.role().id, "policy": DOCUMENT},
        updates=({"policy": OTHER},),
        replaces=({"role": "other"}, {"name": "other"}),
    ),
    Story(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda world: {"role": world.role().id, "policyArn": SSM_CORE},
        replaces=({"role": "other"}, {"policyArn": AGENT}),
    ),
    Story(
        "aws:iam/instanceProfile:InstanceProfile",
        lambda world: {"role": world.role().id, **TAGS},
        updates=({"role": lambda world, life: world.role().id}, RETAG, UNTAG),
        replaces=({"name": "other"}, {"path": "/other/"}),
    ),
    Story(
        PARAMETER,
        lambda world: {"name": "/story/plain", "type": "String", "insecureValue": "{}", "overwrite": True, **TAGS},
        updates=(
            {"insecureValue": '{"a": 1}'},
            {"description": "d"},
            {"allowedPattern": ".*"},
            {"overwrite": False},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "/story/other"}, {"dataType": "aws:ec2:image"}),
        by_hand=frozenset({"insecureValue", "overwrite"}),
    ),
    Story(
        PARAMETER,
        lambda world: {"type": "SecureString", "value": "one", "tier": "Advanced", "description": "d"},
        updates=({"value": "two"}, {"tier": "Intelligent-Tiering", "value": "three"}, {"keyId": "alias/other"}),
        replaces=({"tier": "Standard"},),
    ),
    Story(
        BUCKET,
        lambda world: {"forceDestroy": True, **TAGS},
        updates=(RETAG, UNTAG, {"forceDestroy": False}),
        replaces=({"bucket": "other"}, {"objectLockEnabled": True}),
        by_hand=frozenset({"forceDestroy"}),
    ),
    Story(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda world: {"bucket": world.make(BUCKET).id, "blockPublicAcls": True},
        updates=(
            {"restrictPublicBuckets": True, "ignorePublicAcls": True},
            {"blockPublicAcls": False, "blockPublicPolicy": True},
        ),
        replaces=({"bucket": "other"},),
    ),
    Story(
        "aws:s3/bucketPolicy:BucketPolicy",
        lambda world: {"bucket": world.make(BUCKET).id, "policy": DOCUMENT},
        updates=({"policy": OTHER},),
        replaces=({"bucket": "other"},),
    ),
    Story(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda world: {"retentionInDays": 7, **TAGS},
        updates=(
            {"retentionInDays": 30},
            {"retentionInDays": 0},
            {"skipDestroy": True},
            {"skipDestroy": False},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"}, {"logGroupClass": "INFREQUENT_ACCESS"}),
    ),
    Story(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda world: {**ALARM, **TAGS},
        updates=(
            {"threshold": 90, "treatMissingData": "notBreaching"},
            {"dimensions": {"AutoScalingGroupName": "green"}},
            {"alarmActions": [TOPIC]},
            {"okActions": [TOPIC], "insufficientDataActions": [TOPIC], "actionsEnabled": False},
            {"alarmDescription": "d", "datapointsToAlarm": 1, "unit": "Percent"},
            {"metricName": "Other", "namespace": "Own", "period": 300, "evaluationPeriods": 3},
            {"statistic": GONE, "extendedStatistic": "p95", "evaluateLowSampleCountPercentiles": "ignore"},
            {"comparisonOperator": "LessThanThreshold"},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"},),
    ),
    Story(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda world: {
            "comparisonOperator": "GreaterThanThreshold",
            "evaluationPeriods": 1,
            "threshold": 0.01,
            "metricQueries": QUERIES,
        },
        updates=(
            {"metricQueries": [QUERIES[0] | {"expression": "a/b*100"}, *QUERIES[1:]]},
            {"threshold": GONE, "thresholdMetricId": "band", "comparisonOperator": "GreaterThanUpperThreshold"},
        ),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.type_)
def test_life(story, world):
    story.tell(world)


def test_versioning_can_only_be_paused(world, aws):
    bucket = world.make(BUCKET, forceDestroy=True)
    inputs = {"bucket": bucket.id, "versioningConfiguration": {"status": "Enabled"}}
    life = world.make("aws:s3/bucketVersioning:BucketVersioning", **inputs)
    assert not life.diff(inputs).changes
    life.update({"bucket": bucket.id, "versioningConfiguration": {"status": "Suspended"}})
    life.update(inputs)
    life.delete()
    assert aws("s3").get_bucket_versioning(Bucket=bucket.id)["Status"] == "Suspended"


def test_a_bucket_with_objects_goes_only_where_that_was_asked_for(world, aws):
    keeping, going = world.make(BUCKET), world.make(BUCKET, forceDestroy=True)
    for bucket in (keeping, going):
        aws("s3").put_object(Bucket=bucket.id, Key="k", Body=b"v")
    with pytest.raises(ProviderError, match=r"deleting S3 Bucket .*BucketNotEmpty"):
        keeping.delete()
    going.delete()
    assert going.read() is None


def test_capacity_that_is_the_scalers_is_not_set_back(world, aws):
    inputs = fleet(world)
    life = world.life(GROUP).create(inputs)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=life.id, DesiredCapacity=3)
    life.refresh()
    assert set(life.diff(inputs).detailed) == {"desiredCapacity"}
    assert not life.diff(inputs, ("desiredCapacity",)).changes
    life.update(inputs | {"maxSize": 5}, ("desiredCapacity",))
    assert (life["desiredCapacity"], life["maxSize"]) == (3, 5)


def test_a_group_drains_before_it_goes(world, aws):
    life = world.make(GROUP, **fleet(world))
    life.delete()
    held = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[life.id])["AutoScalingGroups"]
    assert held == []


def test_waiting_for_capacity_ends_with_what_was_missing(world, aws):
    inputs = fleet(world)
    life = world.life(GROUP)
    life.create(inputs)
    instances = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[life.id])
    one = instances["AutoScalingGroups"][0]["Instances"][0]["InstanceId"]
    aws("autoscaling").set_instance_health(InstanceId=one, HealthStatus="Unhealthy")
    wanted = inputs | {"maxSize": 5, "waitForCapacityTimeout": "200ms", "ignoreFailedScalingActivities": True}
    with pytest.raises(ProviderError, match=r"2 healthy instance\(s\) in Auto Scaling Group"):
        life.update(wanted)


def test_a_parameters_version_moves_with_its_value(world):
    inputs = {"name": "/version/moves", "type": "String", "insecureValue": "1"}
    life = world.make(PARAMETER, **inputs)
    assert life["version"] == 1
    planned = life.update(inputs | {"insecureValue": "2"}, preview=True)
    assert planned["version"] is UNKNOWN
    assert planned["insecureValue"] == "2"
    life.update(inputs | {"insecureValue": "2"})
    assert life["version"] == 2
    planned = life.update(inputs | {"insecureValue": "2", "tags": {"a": "b"}}, preview=True)
    assert planned["version"] == 2


def test_a_value_is_a_secret_wherever_it_came_from(world):
    life = world.make(PARAMETER, type="SecureString", value="hunter2")
    assert life.outputs["value"] == Secret("hunter2")
    life.refresh()
    assert life.outputs["value"] == Secret("hunter2")
    plain = world.make(PARAMETER, type="String", insecureValue="seen")
    assert plain.outputs["insecureValue"] == "seen"
    assert "value" not in plain.outputs


def test_a_secret_input_makes_a_secret_output(world):
    life = world.life(PARAMETER)
    checked = life.checked({"type": "String", "insecureValue": Secret("hidden")})
    assert checked["insecureValue"] == Secret("hidden")
    life.create({"type": "String", "insecureValue": Secret("hidden")})
    assert life.outputs["insecureValue"] == Secret("hidden")
    assert not life.diff({"type": "String", "insecureValue": Secret("hidden")}).changes


def test_a_parameter_that_is_there_already_is_not_taken_over_unasked(world, aws):
    aws("ssm").put_parameter(Name="/taken", Type="String", Value="theirs")
    with pytest.raises(ProviderError, match="ParameterAlreadyExists"):
        world.make(PARAMETER, name="/taken", type="String", insecureValue="ours")
    life = world.make(PARAMETER, name="/taken", type="String", insecureValue="ours", overwrite=True, tags={"a": "b"})
    assert life["version"] == 2
    assert life["tagsAll"] == {"a": "b"}


def test_policies_are_the_same_however_they_are_written(world):
    role = world.role()
    inputs = {"role": role.id, "policy": json.dumps(json.loads(DOCUMENT), indent=4)}
    life = world.make("aws:iam/rolePolicy:RolePolicy", role=role.id, policy=DOCUMENT)
    assert not life.diff(inputs).changes


def test_managed_policies_go_with_their_role_where_the_role_has_them(world):
    life = world.make(ROLE, assumeRolePolicy=TRUST, managedPolicyArns=[SSM_CORE])
    profile = world.make("aws:iam/instanceProfile:InstanceProfile", role=life.id)
    life.delete()
    assert life.read() is None
    profile.refresh()
    assert "role" not in profile.outputs


@pytest.mark.parametrize(
    ("type_", "inputs", "words"),
    [
        (PARAMETER, {"type": "String"}, "exactly one of insecureValue, value"),
        (PARAMETER, {"type": "String", "value": "a", "insecureValue": "a"}, "exactly one of insecureValue, value"),
        (PARAMETER, {"type": "SecureString", "insecureValue": "a"}, "cannot set type"),
        (PARAMETER, {"type": "Sting", "value": "a"}, "to be one of"),
        (GROUP, {"minSize": 1, "maxSize": 1, "vpcZoneIdentifiers": ["s"]}, "needs a launch template"),
        (GROUP, {"minSize": 1, "maxSize": 1, "launchTemplate": {"id": "a", "name": "b"}}, "one of id and name"),
        (GROUP, {"minSize": 1, "maxSize": 1, "launchTemplate": {"id": "a"}}, "vpcZoneIdentifiers or"),
        (POLICY, {"autoscalingGroupName": "a"}, "adjustmentType is required"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", ALARM | {"extendedStatistic": "p95"}, "One of `statistic`"),
        (ROLE, {"assumeRolePolicy": TRUST, "maxSessionDuration": 1}, "at least 3600"),
    ],
)
def test_refused_before_anything_is_made(world, type_, inputs, words):
    assert words in refused(world.life(type_), inputs)
