"""Tasks: why they don't start, how they end, what they say; and what ECS refuses of their definitions."""

import itertools
import json

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.ecs import fargate, images
from tests.sandbox.cloud.conftest import REGION
from tests.sandbox.cloud.ecs.conftest import EXECUTION

ECR = f"000000000000.dkr.ecr.{REGION}.amazonaws.com"


def run(yard, definition, command=None, **changed):
    overrides = {"containerOverrides": [{"name": "app", "command": command}]} if command else {}
    answer = yard.ecs.run_task(
        cluster="shop",
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration=yard.network,
        overrides=overrides,
        **changed,
    )
    assert not answer["failures"]
    return answer["tasks"][0]["taskArn"]


def look(yard, arn):
    return yard.ecs.describe_tasks(cluster="shop", tasks=[arn], include=["TAGS"])["tasks"][0]


def ended(yard, arn, after=90):
    yard.world.pass_time(after)
    task = look(yard, arn)
    assert task["lastStatus"] == "STOPPED"
    return task


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["./migrate"], 0),
        (["sh", "-c", "./migrate && exit 3"], 3),
        (["false"], 1),
        (["true"], 0),
        (["sleep", "30"], 0),
        (["migrate", "--fail"], 1),
        (["sh", "-c", "sleep 30; exit 4"], 4),
    ],
)
def test_a_job_ends_with_the_code_of_its_command(yard, command, code):
    task = ended(yard, run(yard, yard.definition(), command))
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert task["containers"][0]["exitCode"] == code
    assert task["overrides"]["containerOverrides"][0]["command"] == command


def test_a_job_runs_as_long_as_it_takes(yard):
    arn = run(yard, yard.definition(), ["sleep", "300"])
    yard.world.pass_time(200)
    assert look(yard, arn)["lastStatus"] == "RUNNING"
    yard.world.pass_time(200)
    assert look(yard, arn)["containers"][0]["exitCode"] == 0


def test_a_task_without_a_command_runs_until_it_is_stopped(yard):
    arn = run(
        yard, yard.definition(), tags=[{"key": "a", "value": "b"}], startedBy="me", propagateTags="TASK_DEFINITION"
    )
    yard.world.pass_time(500)
    task = look(yard, arn)
    assert (task["lastStatus"], task["startedBy"], task["group"]) == ("RUNNING", "me", "family:shop")
    assert task["tags"] == [{"key": "a", "value": "b"}]
    assert yard.ecs.list_tasks(cluster="shop", startedBy="me")["taskArns"] == [arn]
    yard.ecs.stop_task(cluster="shop", task=arn)
    assert ended(yard, arn)["stoppedReason"] == "Task stopped by user"


@pytest.mark.parametrize(
    ("tag", "code", "reason"),
    [("v1-exits-7", 7, None), ("v1-oom", 137, "OutOfMemoryError: Container killed due to memory usage")],
)
def test_an_image_that_ends_takes_its_task_along(yard, tag, code, reason):
    task = ended(yard, run(yard, yard.definition(tag)))
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["containers"][0]["exitCode"] == code
    assert task["containers"][0].get("reason") == reason


def test_an_app_that_dies_is_replaced(yard):
    yard.service(yard.definition("v1-dies"), 1)
    yard.world.pass_time(60)
    first = yard.tasks()[0]["taskArn"]
    yard.world.pass_time(400)
    assert look(yard, first)["stopCode"] == "EssentialContainerExited"
    assert yard.tasks() and yard.tasks()[0]["taskArn"] != first


def test_an_image_that_is_not_there(yard):
    image = f"{ECR}/shop@sha256:{'0' * 64}"
    task = ended(yard, run(yard, yard.definition(image=image)))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been retried")
    assert task["stoppedReason"].endswith(f"failed to resolve ref {image}: {image}: not found")
    assert "startedAt" not in task and "exitCode" not in task["containers"][0]


def test_an_image_by_tag(yard):
    yard.definition("v5")
    arn = run(yard, yard.definition(image=f"{ECR}/shop:v5"))
    yard.world.pass_time(60)
    assert look(yard, arn)["containers"][0]["imageDigest"].startswith("sha256:")
    missing = ended(yard, run(yard, yard.definition(image=f"{ECR}/shop:v6")))
    assert "CannotPullContainerError" in missing["stoppedReason"]


@pytest.mark.parametrize(("tag", "wanted"), [("v1-arm64", "X86_64"), ("v1-amd64", "ARM64")])
def test_an_image_for_another_architecture(yard, tag, wanted):
    platform = {"cpuArchitecture": wanted, "operatingSystemFamily": "LINUX"}
    task = ended(yard, run(yard, yard.definition(tag, runtimePlatform=platform)))
    there = {"X86_64": "amd64", "ARM64": "arm64"}[wanted]
    assert f"does not contain descriptor matching platform 'linux/{there}'" in task["stoppedReason"]
    right = {"X86_64": "ARM64", "ARM64": "X86_64"}[wanted]
    arn = run(yard, yard.definition(tag, runtimePlatform={"cpuArchitecture": right}))
    yard.world.pass_time(60)
    assert look(yard, arn)["lastStatus"] == "RUNNING"


def secret(yard, **value):
    return yard.aws("secretsmanager").create_secret(Name="db", SecretString=json.dumps(value))["ARN"]


def with_secret(source):
    return {"secrets": [{"name": "PASSWORD", "valueFrom": source}]}


def allowing(arn):
    return [*EXECUTION, {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}]


def test_a_secret_that_may_be_read(yard):
    arn = secret(yard, password="x")
    role = yard.execution_role("reader", allowing(arn))
    task = run(yard, yard.definition(container=with_secret(f"{arn}:password::"), executionRoleArn=role))
    yard.world.pass_time(60)
    assert look(yard, task)["lastStatus"] == "RUNNING"


def test_a_secret_that_may_not_be_read(yard):
    arn = secret(yard, password="x")
    task = ended(yard, run(yard, yard.definition(container=with_secret(arn))))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        "unable to retrieve secret from asm:"
    )
    assert (
        "assumed-role/execution/" in task["stoppedReason"]
        and f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {arn}" in task["stoppedReason"]
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{arn}:user::", "did not contain json key user"),
        ("{arn}:password:AWSPENDING:", "Secrets Manager can't find the specified secret value for staging label"),
        (
            f"arn:aws:secretsmanager:{REGION}:000000000000:secret:other-abcdef",
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        ),
    ],
)
def test_a_secret_that_is_not_there(yard, source, words):
    arn = secret(yard, password="x")
    role = yard.execution_role("reader", allowing("*"))
    held = with_secret(source.format(arn=arn))
    assert words in ended(yard, run(yard, yard.definition(container=held, executionRoleArn=role)))["stoppedReason"]


def test_a_role_that_may_not_pull(yard):
    role = yard.execution_role("none", [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}])
    reason = ended(yard, run(yard, yard.definition(executionRoleArn=role)))["stoppedReason"]
    assert "unable to retrieve ecr registry auth" in reason and "ecr:GetAuthorizationToken on resource: *" in reason


LOGS = {
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/shop", "awslogs-region": REGION, "awslogs-stream-prefix": "web"},
    }
}


def test_a_log_group_that_is_not_there(yard):
    reason = ended(yard, run(yard, yard.definition(container=LOGS)))["stoppedReason"]
    assert reason == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed "
        "to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit "
        "status 1"
    )


def test_what_an_app_says_is_in_its_log_stream(yard):
    logs = yard.aws("logs")
    logs.create_log_group(logGroupName="/shop")
    arn = run(yard, yard.definition(container=LOGS))
    job = run(yard, yard.definition(container=LOGS), ["sh", "-c", "exit 2"])
    yard.world.pass_time(90)
    stream = f"web/app/{arn.rpartition('/')[2]}"
    for _ in range(2):  # and no line twice
        said = logs.get_log_events(logGroupName="/shop", logStreamName=stream)["events"]
        assert [event["message"] for event in said] == [f"log of {arn.rpartition('/')[2]}"]
    said = logs.filter_log_events(logGroupName="/shop", logStreamNames=[f"web/app/{job.rpartition('/')[2]}"])["events"]
    assert said[-1]["message"].endswith("exits with code 2")


CHECK = {
    "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health/deep || exit 1"], "interval": 5}
}


def test_a_role_that_may_not_write_leaves_the_stream_empty(yard):
    yard.aws("logs").create_log_group(logGroupName="/shop")
    rights = [*EXECUTION, {"Effect": "Deny", "Action": "logs:PutLogEvents", "Resource": "*"}]
    arn = run(yard, yard.definition(container=LOGS, executionRoleArn=yard.execution_role("mute", rights)))
    yard.world.pass_time(60)
    assert look(yard, arn)["lastStatus"] == "RUNNING"
    streams = yard.aws("logs").describe_log_streams(logGroupName="/shop")["logStreams"]
    assert [each["logStreamName"] for each in streams] == [f"web/app/{arn.rpartition('/')[2]}"]
    assert not yard.aws("logs").filter_log_events(logGroupName="/shop")["events"]


def test_what_a_task_said_outlives_it(yard):
    yard.aws("logs").create_log_group(logGroupName="/shop")
    arn = run(yard, yard.definition(container=LOGS), ["sh", "-c", "exit 2"])
    yard.world.pass_time(4000)
    assert yard.ecs.describe_tasks(cluster="shop", tasks=[arn])["failures"][0]["reason"] == "MISSING"
    said = yard.aws("logs").filter_log_events(logGroupName="/shop")["events"]
    assert said[-1]["message"].endswith("exits with code 2")


@pytest.mark.parametrize("action", ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
def test_a_role_that_may_pull_only_in_part(yard, action):
    rights = [*EXECUTION, {"Effect": "Deny", "Action": action, "Resource": "arn:aws:ecr:*:*:repository/shop"}]
    arn = run(yard, yard.definition(executionRoleArn=yard.execution_role("part", rights)))
    reason = ended(yard, arn)["stoppedReason"]
    assert reason.startswith("CannotPullContainerError:") and f"not authorized to perform: {action}" in reason


def test_in_its_start_period_a_container_may_fail_its_checks(yard):
    check = {"healthCheck": {**CHECK["healthCheck"], "startPeriod": 120}}
    yard.service(yard.definition("v1-never-healthy", container=check), 1, loadBalancers=[])
    yard.world.pass_time(140)
    assert not yard.tasks("STOPPED") and yard.tasks()[0]["healthStatus"] == "UNKNOWN"
    yard.world.pass_time(40)
    assert yard.tasks("STOPPED")


def test_a_container_health_check_asks_the_app(yard):
    yard.service(yard.definition(container=CHECK), 1)
    yard.world.pass_time(30)
    assert look(yard, yard.tasks()[0]["taskArn"])["healthStatus"] == "UNKNOWN"
    yard.world.pass_time(20)
    task = look(yard, yard.tasks()[0]["taskArn"])
    assert (task["healthStatus"], task["containers"][0]["healthStatus"]) == ("HEALTHY", "HEALTHY")
    assert yard.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_container_that_is_unhealthy_is_replaced(yard):
    yard.service(yard.definition("v1-never-healthy", container=CHECK), 1, loadBalancers=[])
    yard.world.pass_time(120)
    gone = yard.tasks("STOPPED")
    assert gone and gone[-1]["stoppedReason"] == "Task failed container health checks"
    assert gone[-1]["healthStatus"] == "UNHEALTHY"
    assert any("failed container health checks" in message for message in yard.messages())


def test_an_app_that_listens_elsewhere_is_never_healthy(yard):
    yard.service(yard.definition(container={"environment": [{"name": "PORT", "value": "9000"}]}), 1)
    yard.world.pass_time(120)
    assert any("failed ELB health checks" in task["stoppedReason"] for task in yard.tasks("STOPPED"))


def test_tags_are_handed_on_where_that_is_asked_for(yard):
    tags = [{"key": "bluegreen:color", "value": "green"}]
    yard.service(yard.definition(), 1, tags=tags, propagateTags="SERVICE", enableECSManagedTags=True)
    task = yard.tasks()[0]
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {
        "bluegreen:color": "green",
        "aws:ecs:clusterName": "shop",
        "aws:ecs:serviceName": "web",
    }


def test_every_pair_of_cpu_and_memory(yard):
    """Fargate's table, as the guide has it."""
    sizes = {
        "256": {512, 1024, 2048},
        "512": set(range(1024, 4097, 1024)),
        "1024": set(range(2048, 8193, 1024)),
        "2048": set(range(4096, 16385, 1024)),
        "4096": set(range(8192, 30721, 1024)),
        "8192": set(range(16384, 61441, 4096)),
        "16384": set(range(32768, 122881, 8192)),
    }
    memories = sorted({256, 768, 3 * 1024, *itertools.chain(*sizes.values())})
    for cpu, memory in itertools.product([*sizes, "128", "300", "32768"], memories):
        if memory in sizes.get(cpu, ()):
            assert fargate.size(cpu, str(memory)) == (int(cpu), memory)
        else:
            with pytest.raises(Exception, match="No Fargate configuration exists"):
                fargate.size(cpu, str(memory))
    assert fargate.size(".25 vCPU", "0.5 GB") == (256, 512)
    assert fargate.size("1 vCPU", "2GB") == (1024, 2048)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"memory": "4096"}, "No Fargate configuration exists for given values: 256 CPU, 4096 memory"),
        ({"cpu": None}, "Fargate requires that 'cpu' be defined at the task level"),
        ({"cpu": "lots"}, "Invalid 'cpu' setting for task"),
        ({"networkMode": "bridge"}, "Fargate only supports network mode"),
        ({"executionRoleArn": None}, "to have execution role ARN to support ECR images"),
        (
            {"container": {"portMappings": [{"containerPort": 80, "hostPort": 81}]}},
            "the host ports and container ports",
        ),
        ({"container": {"portMappings": [{"containerPort": 0}]}}, "Invalid 'containerPort'"),
        ({"container": {"essential": False}}, "at least one essential container"),
        ({"container": {"logConfiguration": {"logDriver": "json-file"}}}, "Fargate supports the log drivers"),
        ({"container": {"logConfiguration": {"logDriver": "awslogs"}}}, "Log driver awslogs requires options"),
        ({"container": {"stopTimeout": 121}}, "stopTimeout must be between 0 and 120"),
        ({"container": {"healthCheck": {"command": ["curl"]}}}, "Health check command must begin with"),
        ({"container": {"secrets": [{"name": "A", "valueFrom": ""}]}}, "valueFrom must not be null or empty"),
        ({"family": "a b"}, "Family contains invalid characters"),
    ],
)
def test_refused_definitions(yard, changed, words):
    if changed.get("cpu", "") is None or changed.get("executionRoleArn", "") is None:
        given = {key: value for key, value in changed.items() if value is not None}
        whole = yard.ecs.describe_task_definition(taskDefinition=yard.definition())["taskDefinition"]
        keys = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn")
        asked = {key: whole[key] for key in (*keys, "containerDefinitions") if key not in changed} | given
        with pytest.raises(ClientError, match=f"ClientException.*{words}"):
            yard.ecs.register_task_definition(**asked)
        return
    with pytest.raises(ClientError, match=f"ClientException.*{words}"):
        yard.definition(**changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"taskDefinition": "none"}, "TaskDefinition not found"),
        ({"cluster": "none"}, "ClusterNotFoundException"),
        ({"networkConfiguration": {}}, "Network Configuration must be provided"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}, "'subnet-1' does not exist"),
        ({"launchType": "EC2"}, "launch type EC2"),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, "both a launch type and capacity provider"),
        ({"healthCheckGracePeriodSeconds": 9, "loadBalancers": []}, "only valid for services configured to use load"),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}, "will block deployments"),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "The sandbox has no deployment strategy"),
        ({"deploymentConfiguration": {"alarms": {"enable": True}}}, "The sandbox has no deployment alarms"),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "The sandbox has no deployment controller"),
        ({"serviceName": "a b"}, "Invalid service name"),
        ({"desiredCount": -1}, "desiredCount must be between"),
    ],
)
def test_refused_services(yard, changed, words):
    with pytest.raises(ClientError, match=words):
        yard.service(yard.definition(), **changed)


def test_refused_targets(yard):
    definition = yard.definition()
    lone = yard.elb.create_target_group(
        Name="lone", Protocol="HTTP", Port=80, VpcId=yard.vpc, TargetType="ip", HealthCheckPath="/"
    )["TargetGroups"][0]["TargetGroupArn"]

    def balanced(**changed):
        return [{"targetGroupArn": yard.group, "containerName": "app", "containerPort": 8080} | changed]

    for wrong, words in (
        ({"targetGroupArn": lone}, "does not have an associated load balancer"),
        ({"containerName": "web"}, "The container web does not exist in the task definition"),
        ({"containerPort": 80}, "The container app did not have a container port 80 defined"),
    ):
        with pytest.raises(ClientError, match=words):
            yard.service(definition, loadBalancers=balanced(**wrong))


def test_a_role_that_ecs_may_not_take(yard):
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = yard.aws("iam").create_role(RoleName="closed", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    with pytest.raises(ClientError, match="ECS was unable to assume the role"):
        yard.service(yard.definition(executionRoleArn=arn))


def test_definitions_have_revisions(yard):
    first, second = yard.definition("v1"), yard.definition("v2")
    assert (first[-7:], second[-7:]) == ("/shop:1", "/shop:2")
    ecs = yard.ecs
    assert ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["revision"] == 2
    assert ecs.deregister_task_definition(taskDefinition=second)["taskDefinition"]["status"] == "INACTIVE"
    assert ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["revision"] == 1
    assert ecs.list_task_definitions(familyPrefix="shop")["taskDefinitionArns"] == [first]
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        yard.service(second)
    assert ecs.delete_task_definitions(taskDefinitions=[second])["taskDefinitions"][0]["status"] == "DELETE_IN_PROGRESS"
    assert yard.definition("v3").endswith("shop:2")


def test_what_tags_say():
    assert images.architecture("v1-arm64") == "arm64" and images.architecture("charm64") is None
    assert images.ending("v1-exits", [], job=False) == images.Ending(0.0, 1)
    assert images.ending("exits-0", [], job=True) == images.Ending(0.0, 0)
    assert images.ending("v1", ["serve"], job=False) is None


def job(yard, definition, command=("sleep", "600"), **changed):
    return yard.ecs.run_task(
        **{
            "cluster": "shop",
            "taskDefinition": definition,
            "launchType": "FARGATE",
            "networkConfiguration": yard.network,
            "overrides": {"containerOverrides": [{"name": "app", "command": list(command)}]},
            **changed,
        }
    )


def test_a_client_token_starts_a_task_once(yard):
    definition = yard.definition()
    first = job(yard, definition, clientToken="once-1", startedBy="once-1")["tasks"][0]["taskArn"]
    assert [one["taskArn"] for one in job(yard, definition, clientToken="once-1", startedBy="once-1")["tasks"]] == [
        first
    ]
    assert yard.ecs.list_tasks(cluster="shop", startedBy="once-1")["taskArns"] == [first]
    with pytest.raises(ClientError, match="clientToken is already in use") as caught:
        job(yard, definition, ["true"], clientToken="once-1", startedBy="once-1")
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert caught.value.response["resourceIds"] == [first]
    yard.ecs.create_cluster(clusterName="other")
    other = job(yard, definition, cluster="other", clientToken="once-1", startedBy="once-1")["tasks"][0]["taskArn"]
    assert other != first, "a token is one cluster's"
    yard.world.pass_time(24 * 3600)
    assert job(yard, definition, clientToken="once-1", startedBy="once-1")["tasks"][0]["taskArn"] != first


def test_a_request_that_found_no_room_has_not_used_its_token(yard, monkeypatch):
    definition = yard.definition()
    with monkeypatch.context() as patched:
        patched.setattr("sandbox.cloud.ecs.network.place", _full)
        assert job(yard, definition, clientToken="t")["failures"][0]["reason"] == "RESOURCE:ENI"
    assert job(yard, definition, clientToken="t")["tasks"]


def _full(*_):
    raise LookupError("subnet has no free addresses")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"clientToken": "a b"}, "clientToken must be at most 64 characters in the range"),
        ({"clientToken": "x" * 65}, "clientToken must be at most 64"),
        ({"startedBy": "a:b"}, "startedBy must be at most 128 letters"),
        ({"startedBy": "x" * 129}, "startedBy must be at most 128 letters"),
        ({"group": "service:web"}, "Invalid namespace for group"),
        ({"propagateTags": "SERVICE"}, "SERVICE is not supported"),
        ({"platformVersion": "9.9.9"}, "platform version does not exist"),
        ({"command": ["x" * 8200]}, "Container Overrides length must be at most 8192"),
        ({"overrides": {"containerOverrides": [{"name": "web"}]}}, "web is not a container in the TaskDefinition"),
        ({"count": 11}, "count must be between 1 and 10"),
    ],
)
def test_refused_tasks(yard, changed, words):
    with pytest.raises(ClientError, match=words):
        job(yard, yard.definition(), **changed)
    assert yard.tasks() == []


def test_no_filter_goes_with_who_started_a_task(yard):
    for other in ({"family": "shop"}, {"serviceName": "web"}, {"launchType": "FARGATE"}):
        with pytest.raises(ClientError, match="must be the only filter"):
            yard.ecs.list_tasks(cluster="shop", startedBy="me", **other)
    arn = job(yard, yard.definition(), ["exit", "3"], startedBy="me")["tasks"][0]["taskArn"]
    yard.world.pass_time(90)
    assert yard.ecs.list_tasks(cluster="shop", startedBy="me")["taskArns"] == []
    assert yard.ecs.list_tasks(cluster="shop", startedBy="me", desiredStatus="STOPPED")["taskArns"] == [arn]
    assert yard.ecs.list_tasks(cluster="shop", family="shop", desiredStatus="STOPPED")["taskArns"] == [arn]


def test_a_job_beside_a_service_gets_no_traffic_and_is_not_counted(yard):
    definition = yard.definition(container=CHECK)
    yard.service(definition, 1)
    yard.world.pass_time(60)
    arn = job(yard, definition, group="bluegreen-run-once")["tasks"][0]["taskArn"]
    yard.world.pass_time(60)
    task = look(yard, arn)
    assert (task["lastStatus"], task["group"]) == ("RUNNING", "bluegreen-run-once")
    assert len(yard.health()) == 1
    assert yard.look()["runningCount"] == 1
    yard.world.pass_time(100)
    assert look(yard, arn)["healthStatus"] == "UNHEALTHY"
    yard.world.pass_time(600)
    assert look(yard, arn)["containers"][0]["exitCode"] == 0, "nobody stops it for a failed check of its own"


def test_a_job_that_is_stopped_did_not_end_well(yard):
    arn = job(yard, yard.definition())["tasks"][0]["taskArn"]
    yard.world.pass_time(60)
    yard.ecs.stop_task(cluster="shop", task=arn)
    task = ended(yard, arn)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("UserInitiated", 143)
