"""Where a command runs: by Run Command on an instance, or in a task of its own; what is asked of AWS for it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from driver.cloud.one_off import OneOff
from driver.cloud.remote import Remote
from driver.cloud.runs import runs
from driver.errors import Invalid
from driver.ports import Ran
from driver.release.once import NotNow, Once

NAME = "ecs:cluster-1/green-6-service"
DEFINITION = "arn:aws:ecs:eu:1:task-definition/shop-green-6:3"
TASK = "arn:aws:ecs:eu:1:task/cluster-1/0a1b2c"
MARK = "bluegreen-run-once-a1"
WORDS = ("migrate", "--note", "it's")
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code}!"}}, "Any")


class Pages:
    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def paginate(self, **asked: Any) -> tuple[dict[str, Any], ...]:
        self.asked.append(asked)
        return self.pages


class FakeEcs:
    """One service; tasks beside it, by ARN."""

    def __init__(self) -> None:
        self.service: dict[str, Any] = {
            "status": "ACTIVE",
            "taskDefinition": DEFINITION,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "networkConfiguration": NETWORK,
            "enableExecuteCommand": True,
        }
        self.definition: dict[str, Any] = {
            "containerDefinitions": [
                {"name": "helper", "essential": False},
                {
                    "name": "app",
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": "/bluegreen/shop/dev/green", "awslogs-stream-prefix": "6"},
                    },
                },
            ]
        }
        self.running: list[str] = []
        self.stopped = Pages()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.ran: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"tasks": [{"taskArn": TASK}], "failures": []}
        self.failing: ClientError | None = None
        self.gone = False

    def describe_services(self, cluster: str, services: list[str], include: list[str]) -> dict[str, Any]:
        assert (cluster, services) == ("cluster-1", ["green-6-service"])
        return {"services": [] if self.gone else [self.service]}

    def describe_task_definition(self, taskDefinition: str) -> dict[str, Any]:
        assert taskDefinition == DEFINITION
        return {"taskDefinition": self.definition}

    def run_task(self, **asked: Any) -> dict[str, Any]:
        if self.failing:
            raise self.failing
        self.ran.append(asked)
        return self.answer

    def list_tasks(self, **asked: Any) -> dict[str, Any]:
        if self.gone:
            raise refused("ClusterNotFoundException")
        assert asked == {"cluster": "cluster-1", "startedBy": MARK}, "no other filter goes with it"
        return {"taskArns": self.running}

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_tasks"
        return self.stopped

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        found = [one for arn, one in self.tasks.items() if arn in tasks or arn.rpartition("/")[2] in tasks]
        return {"tasks": found, "failures": []}

    def stop_task(self, **asked: Any) -> None:
        self.ended.append(asked)


class FakeLogs:
    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.asked: list[dict[str, Any]] = []

    def get_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if not self.lines:
            raise refused("ResourceNotFoundException")
        return {"events": [{"message": line} for line in self.lines]}


def beside(ecs: FakeEcs, logs: FakeLogs | None = None) -> OneOff:
    made = runs(lambda service: {"ecs": ecs, "logs": logs or FakeLogs()}[service], NAME)
    assert isinstance(made, OneOff)
    return made


ONCE = Once(6, WORDS, "begun", "a1", NAME)


def stopped(code: int | None = 0, **more: Any) -> dict[str, Any]:
    container = {"name": "app", **({} if code is None else {"exitCode": code})}
    return {
        "taskArn": TASK,
        "taskDefinitionArn": DEFINITION,
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "startedBy": MARK,
        "overrides": {"containerOverrides": [{"name": "app", "command": list(WORDS)}]},
        "containers": [{"name": "helper", "exitCode": 0}, container],
        **more,
    }


def test_a_task_is_run_by_the_services_own_definition_and_in_its_network() -> None:
    ecs = FakeEcs()
    made = beside(ecs)
    assert made.place() == NAME
    assert made.begin(ONCE, 600) == "0a1b2c"
    (asked,) = ecs.ran
    assert asked == {
        "cluster": "cluster-1",
        "taskDefinition": DEFINITION,
        "count": 1,
        "group": "bluegreen-run-once",
        "startedBy": MARK,
        "clientToken": MARK,
        "overrides": {"containerOverrides": [{"name": "app", "command": list(WORDS)}]},
        "networkConfiguration": NETWORK,
        "platformVersion": "1.4.0",
        "launchType": "FARGATE",
        "enableExecuteCommand": True,
        "enableECSManagedTags": True,
        "propagateTags": "TASK_DEFINITION",
    }
    assert made.named(ONCE, "0a1b2c") == "task 0a1b2c"


def test_a_share_of_spot_goes_with_it() -> None:
    ecs = FakeEcs()
    del ecs.service["launchType"]
    ecs.service["capacityProviderStrategy"] = [{"capacityProvider": "FARGATE", "base": 1, "weight": 60}]
    beside(ecs).begin(ONCE, 600)
    assert ecs.ran[0]["capacityProviderStrategy"] == ecs.service["capacityProviderStrategy"]
    assert "launchType" not in ecs.ran[0], "ECS takes one of the two"


def test_a_task_that_found_no_room_was_not_begun() -> None:
    ecs = FakeEcs()
    ecs.answer = {"tasks": [], "failures": [{"reason": "RESOURCE:FARGATE", "detail": "Capacity is unavailable"}]}
    with pytest.raises(NotNow, match="RESOURCE:FARGATE: Capacity is unavailable"):
        beside(ecs).begin(ONCE, 600)
    ecs.gone = True
    with pytest.raises(NotNow, match="green-6-service is not there"):
        beside(ecs).place()
    assert (beside(ecs).begun(ONCE), beside(ecs).end(ONCE)) == ("", "")


def test_who_may_not_run_tasks_is_told_what_it_takes() -> None:
    ecs = FakeEcs()
    ecs.failing = refused("AccessDeniedException")
    with pytest.raises(Invalid, match=r"ecs:RunTask, ecs:TagResource, iam:PassRole"):
        beside(ecs).begin(ONCE, 600)


def test_an_attempts_task_is_found_while_it_runs_and_after_it_has_stopped() -> None:
    ecs = FakeEcs()
    made = beside(ecs)
    assert made.known(ONCE)
    assert not made.known(Once(6, WORDS, "begun", "a1", "ecs:cluster-1/green-4-service"))
    assert made.begun(ONCE) == ""
    ecs.stopped = Pages({"taskArns": ["other"]}, {"taskArns": [TASK]})
    ecs.tasks = {"other": stopped(startedBy="bluegreen-run-once-a0"), TASK: stopped()}
    assert made.begun(ONCE) == "0a1b2c"
    assert ecs.stopped.asked == [{"cluster": "cluster-1", "family": "shop-green-6", "desiredStatus": "STOPPED"}]
    ecs.running = ["arn:aws:ecs:eu:1:task/cluster-1/later"]
    assert made.begun(ONCE) == "later"


@pytest.mark.parametrize(
    ("task", "code", "says"),
    [
        (stopped(), 0, ""),
        (stopped(3), 3, "ECS says: Essential container in task exited (exit code 3)"),
        (
            stopped(None, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError: not found"),
            -1,
            "ECS says: CannotPullContainerError: not found",
        ),
        (stopped(143, stopCode="UserInitiated", stoppedReason="by hand"), 143, "ECS says: by hand (exit code 143)"),
        (stopped(0, stopCode="UserInitiated", stoppedReason="by hand"), -1, "ECS says: by hand"),
    ],
)
def test_the_apps_exit_code_decides_and_only_of_a_command_that_ended_by_itself(
    task: dict[str, Any], code: int, says: str
) -> None:
    ecs, logs = FakeEcs(), FakeLogs("one", "two")
    ecs.tasks = {TASK: task}
    found = beside(ecs, logs).outcome(ONCE, "0a1b2c")
    assert found == Ran(code, "one\ntwo" + (f"\n{says}" if says else ""))
    assert logs.asked == [
        {
            "logGroupName": "/bluegreen/shop/dev/green",
            "logStreamName": "6/app/0a1b2c",
            "limit": 5,
            "startFromHead": False,
        }
    ]
    assert beside(ecs).outcome(ONCE, "0a1b2c").code == code, "without its lines too"


def test_a_task_goes_on_until_it_has_stopped_altogether() -> None:
    ecs = FakeEcs()
    for state in ("PROVISIONING", "RUNNING", "DEPROVISIONING"):
        ecs.tasks = {TASK: stopped(lastStatus=state)}
        assert beside(ecs).outcome(ONCE, "0a1b2c") == Ran(None)
    ecs.tasks = {}
    with pytest.raises(LookupError):
        beside(ecs).outcome(ONCE, "0a1b2c")


def test_what_still_runs_is_stopped_and_nothing_else() -> None:
    ecs = FakeEcs()
    assert beside(ecs).end(ONCE) == ""
    ecs.running = [TASK]
    assert beside(ecs).end(ONCE) == "0a1b2c"
    (asked,) = ecs.ended
    assert (asked["cluster"], asked["task"]) == ("cluster-1", "0a1b2c")


class FakeSsm:
    """Systems Manager and Auto Scaling together, for one group of two instances."""

    def __init__(self) -> None:
        self.instances = ["i-2", "i-1"]
        self.online = {"i-1": "Online", "i-2": "Online"}
        self.commands = Pages()
        self.sent: list[dict[str, Any]] = []
        self.invocation: dict[str, Any] | None = None

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str]) -> dict[str, Any]:
        held = [{"InstanceId": id} for id in self.instances]
        sizes = {"MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1}
        return {
            "AutoScalingGroups": [
                {"AutoScalingGroupName": name, **sizes, "Instances": held} for name in AutoScalingGroupNames
            ]
        }

    def describe_instance_information(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:
        (asked,) = Filters
        assert asked["Key"] == "InstanceIds"
        found = [{"InstanceId": id, "PingStatus": self.online[id]} for id in asked["Values"]]
        return {"InstanceInformationList": found}

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_commands"
        return self.commands

    def send_command(self, **asked: Any) -> dict[str, Any]:
        self.sent.append(asked)
        return {"Command": {"CommandId": "c-1"}}

    def get_command_invocation(self, CommandId: str, InstanceId: str) -> dict[str, Any]:
        if self.invocation is None:
            raise refused("InvocationDoesNotExist")
        return self.invocation


def on(ssm: FakeSsm) -> Remote:
    made = runs(lambda _: ssm, "green-6-group")
    assert isinstance(made, Remote)
    return made


SENT = Once(6, WORDS, "begun", "a1", "i-1")


def test_a_command_is_sent_to_the_first_instance_that_takes_any() -> None:
    ssm = FakeSsm()
    assert on(ssm).place() == "i-1"
    ssm.online["i-1"] = "ConnectionLost"
    assert on(ssm).place() == "i-2"
    ssm.online["i-2"] = "Inactive"
    with pytest.raises(NotNow, match="registered with Systems Manager"):
        on(ssm).place()
    assert on(ssm).begin(SENT, 300) == "c-1"
    (asked,) = ssm.sent
    assert (asked["InstanceIds"], asked["Comment"]) == (["i-1"], "bluegreen run-once a1")
    assert asked["Parameters"]["commands"][-1] == (
        "exec /opt/bluegreen/release/run-once.sh a1 migrate --note 'it'\"'\"'s'"
    )
    assert asked["Parameters"]["executionTimeout"] == ["300"]


def test_a_command_is_found_by_its_comment_where_its_instance_is() -> None:
    ssm = FakeSsm()
    ssm.commands = Pages(
        {"Commands": [{"CommandId": "c-0", "Comment": "bluegreen run-once a0"}, {"CommandId": "c-5"}]},
        {"Commands": [{"CommandId": "c-1", "Comment": "bluegreen run-once a1"}]},
    )
    assert on(ssm).begun(SENT) == "c-1"
    ssm.instances = ["i-2"]
    assert (on(ssm).begun(SENT), on(ssm).known(SENT)) == ("", False)


def test_how_a_command_on_an_instance_ended() -> None:
    ssm = FakeSsm()
    with pytest.raises(LookupError):
        on(ssm).outcome(SENT, "c-1")
    ssm.invocation = {"Status": "InProgress", "StandardOutputContent": "so far"}
    assert on(ssm).outcome(SENT, "c-1") == Ran(None, "so far\n")
    ssm.instances = []
    gone = on(ssm).outcome(SENT, "c-1")
    assert (gone.code, "i-1 is gone" in gone.said) == (-1, True)
    for status, code, found in (("Success", 0, 0), ("Failed", 3, 3), ("TimedOut", -1, -1)):
        ssm.invocation = {"Status": status, "ResponseCode": code, "StatusDetails": "Execution Timed Out"}
        assert on(ssm).outcome(SENT, "c-1").code == found
    assert "Systems Manager says: Execution Timed Out" in on(ssm).outcome(SENT, "c-1").said
    assert on(ssm).end(SENT) == "", "it ends with its instance"
