"""Colors on different platforms: what holds their capacity, what a target carries, which image fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from driver.cloud import fleets
from driver.cloud.scan import Ecr
from driver.errors import Refused
from driver.gates import capacity, targets_for
from driver.images import asked_again
from driver.observe import observe
from driver.release.lines import Line
from driver.release.moves import Fill, Plan, Refusal
from driver.release.plan import plan
from driver.release.processor import check_processor
from driver.release.requests import Deploy, Promote, Terms
from driver.release.snapshot import Target
from infra.record import Record, Slot
from tests.driver.fakes import START, image, release, serving, slot, world

NAME = "ecs:cluster-1/green-6-service"
MINE, OTHER = "arn:aws:ecs:eu:1:task-definition/shop-green-6:1", "arn:aws:ecs:eu:1:task-definition/shop-green-4:1"
DIGEST = "sha256:" + "1" * 64
ECR = f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop@{DIGEST}"


def task(number: int, definition: str = MINE, address: bool = True, **more: Any) -> dict[str, Any]:
    details = [{"name": "subnetId", "value": "subnet-1"}]
    details += [{"name": "privateIPv4Address", "value": f"10.0.0.{number}"}] if address else []
    found = {
        "taskArn": f"arn:aws:ecs:eu:1:task/cluster-1/t{number}",
        "taskDefinitionArn": definition,
        "attachments": [{"details": details}],
        "containers": [],
    }
    return {**found, **more}


class FakeEcs:
    """One service of one cluster."""

    def __init__(self, running: list[dict[str, Any]], stopped: list[dict[str, Any]] | None = None) -> None:
        self.tasks = {"RUNNING": running, "STOPPED": stopped or []}
        self.service: dict[str, Any] = {
            "status": "ACTIVE",
            "desiredCount": 3,
            "taskDefinition": MINE,
            "deployments": [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}],
            "tags": [{"key": "bluegreen:fill", "value": "6"}],
        }
        self.updated: list[dict[str, Any]] = []
        self.described: list[int] = []
        self.gone = False

    def describe_services(self, cluster: str, services: list[str], include: list[str]) -> dict[str, Any]:
        assert (cluster, services, include) == ("cluster-1", ["green-6-service"], ["TAGS"])
        if self.gone:
            raise ClientError({"Error": {"Code": "ClusterNotFoundException"}}, "DescribeServices")
        return {"services": [self.service]}

    def get_paginator(self, name: str) -> FakeEcs:
        assert name == "list_tasks"
        return self

    def paginate(self, cluster: str, serviceName: str, desiredStatus: str) -> list[dict[str, Any]]:
        assert (cluster, serviceName) == ("cluster-1", "green-6-service")
        arns = [one["taskArn"] for one in self.tasks[desiredStatus]]
        return [{"taskArns": arns[:100]}, {"taskArns": arns[100:]}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        self.described.append(len(tasks))
        return {"tasks": [one for kind in self.tasks.values() for one in kind if one["taskArn"] in tasks]}

    def update_service(self, **asked: Any) -> None:
        self.updated.append(asked)

    def describe_scalable_targets(self, **asked: Any) -> dict[str, Any]:
        assert asked["ResourceIds"] == ["service/cluster-1/green-6-service"]
        return {"ScalableTargets": [{"ResourceId": asked["ResourceIds"][0], "MinCapacity": 2, "MaxCapacity": 9}]}

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str]) -> dict[str, Any]:
        assert AutoScalingGroupNames == ["blue-1-group"]
        group = {"AutoScalingGroupName": "blue-1-group", "MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1}
        return {"AutoScalingGroups": [{**group, "Instances": [{"InstanceId": "i-1"}]}]}


def beside(green: Slot) -> Record:
    """Blue serves release 1 on Compose, and green holds a candidate."""
    return Record("blue", "candidate", {"blue": slot("1", 1), "green": green})


def test_a_service_is_capacity_as_a_group_is() -> None:
    ecs = FakeEcs([task(1), task(2, OTHER), task(3, address=False), task(4)])
    found = fleets.capacities(lambda _: ecs, ["blue-1-group", NAME, ""])
    assert found["blue-1-group"].instances == ("i-1",)
    held = found[NAME]
    assert (held.least, held.most, held.desired) == (2, 9, 3)
    assert held.launched == {"10.0.0.1": MINE, "10.0.0.2": OTHER, "10.0.0.4": MINE}
    assert (held.instances, held.template) == (("10.0.0.1", "10.0.0.2", "10.0.0.4"), MINE)
    assert held.tags == {"bluegreen:fill": "6"}


def test_tasks_are_asked_for_a_hundred_at_a_time() -> None:
    ecs = FakeEcs([task(number) for number in range(150)])
    assert len(fleets.capacities(lambda _: ecs, [NAME])[NAME].instances) == 150
    assert ecs.described == [100, 50]


@pytest.mark.parametrize("way", ["INACTIVE", "DRAINING", "gone"])
def test_a_service_that_is_gone_is_left_out(way: str) -> None:
    ecs = FakeEcs([task(1)])
    ecs.gone = way == "gone"
    ecs.service["status"] = way
    assert fleets.capacities(lambda _: ecs, [NAME]) == {}
    assert fleets.failures(lambda _: ecs, NAME, "/group") == ()


def test_the_desired_count_is_set_on_the_service() -> None:
    ecs = FakeEcs([])
    fleets.set_desired(lambda _: ecs, NAME, 0)
    assert ecs.updated == [{"cluster": "cluster-1", "service": "green-6-service", "desiredCount": 0}]


def test_why_tasks_end_is_told_with_ecs_own_words_and_no_scaling_is_a_failure() -> None:
    now = datetime.now(UTC)
    pull = "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'"
    stopped = [
        task(1, stopCode="TaskFailedToStart", stoppedReason=pull, stoppedAt=now - timedelta(minutes=3)),
        task(2, stopCode="TaskFailedToStart", stoppedReason=pull, stoppedAt=now - timedelta(minutes=2)),
        task(
            3,
            stopCode="EssentialContainerExited",
            stoppedReason="Essential container in task exited",
            stoppedAt=now - timedelta(minutes=1),
            containers=[{"exitCode": 3}],
        ),
        task(4, stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling activity initiated by x", stoppedAt=now),
        task(5, stopCode="TaskFailedToStart", stoppedReason="long ago", stoppedAt=now - timedelta(hours=2)),
        task(6, OTHER, stopCode="TaskFailedToStart", stoppedReason="of another release", stoppedAt=now),
        task(
            7,
            stopCode="ServiceSchedulerInitiated",
            stoppedReason="Task failed container health checks",
            stoppedAt=now - timedelta(minutes=4),
        ),
    ]
    ecs = FakeEcs([], stopped)
    assert fleets.failures(lambda _: ecs, NAME, "/group") == (
        "t3: Essential container in task exited (exit code 3)",
        f"t2 and 1 more: {pull}",
        "t7: Task failed container health checks",
    )
    ecs.service["deployments"] = [
        {
            "status": "PRIMARY",
            "rolloutState": "FAILED",
            "rolloutStateReason": "ECS deployment circuit breaker: gave up.",
        }
    ]
    assert fleets.failures(lambda _: ecs, NAME, "/group")[0] == "ECS deployment circuit breaker: gave up"


def test_a_container_killed_for_its_memory_is_told_as_that() -> None:
    killed = task(
        1,
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        stoppedAt=datetime.now(UTC),
        containers=[{"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}],
    )
    (line,) = fleets.failures(lambda _: FakeEcs([], [killed]), NAME, "/group")
    assert line.endswith("exited (OutOfMemoryError: Container killed due to memory usage)")


def test_only_targets_of_running_tasks_of_the_recorded_fill_count() -> None:
    there = world(beside(slot("2", 6)))
    cloud = there.cloud
    assert cloud.deployed is not None
    noted = {"green": {slot("2", 6).digest: MINE}}
    cloud.deployed = replace(cloud.deployed, capacity={**cloud.deployed.capacity, "green": NAME}, templates=noted)
    held = fleets.capacities(lambda _: FakeEcs([task(1), task(2), task(4, OTHER)]), [NAME])[NAME]
    cloud.groups[NAME] = held
    cloud.targets["arn:tg/green"] = tuple(Target(f"10.0.0.{number}", "healthy") for number in (1, 2, 3, 4))
    fleet = observe(cloud, START).fleet("green")
    assert (fleet.healthy, [one.id for one in fleet.strangers]) == (2, ["10.0.0.3", "10.0.0.4"])
    assert [one.id for one in fleet.stale] == ["10.0.0.4"]
    cloud.groups[NAME] = replace(held, tags={"bluegreen:fill": "5"})
    assert observe(cloud, START).fleet("green").healthy == 0


def test_a_task_is_named_by_its_stream() -> None:
    line = Line("", START, "6/app/0a1b2c", "hello")
    assert (line.instance, line.part) == ("0a1b2c", "app")


CARRIES = {"compose": 2.0, "fargate": 1.0}
BOTH = Terms(least=2, most=6, platforms=("compose", "fargate"), carries=CARRIES, bounds={"fargate": (3, 20)})


def moving(terms: Terms = BOTH, tag: str = "2") -> Plan | Refusal:
    """A deploy to Fargate where two instances of Compose serve."""
    there = world(serving())
    cloud = there.cloud
    assert cloud.deployed is not None
    both = {color: {"compose": f"arn:tg/{color}", "fargate": f"arn:tg/{color}-tasks"} for color in ("blue", "green")}
    cloud.deployed = replace(cloud.deployed, target_groups=both)
    return plan(observe(cloud, START), Deploy(release(tag, "fargate")), terms)


def test_a_deploy_to_another_platform_asks_for_what_carries_as_much() -> None:
    found = moving()
    assert isinstance(found, Plan)
    (fill,) = [move for move in found.moves if isinstance(move, Fill)]
    assert (fill.floor, fill.active_floor) == (4, 2)
    assert isinstance(moving(tag="1"), Plan)  # the same image on another platform is another release
    bounds = moving(replace(BOTH, bounds={"fargate": (1, 3)}))
    assert isinstance(bounds, Refusal)
    assert "3 at most" in bounds.why


def mixed(tasks: int, terms: Terms = BOTH) -> tuple[Any, Terms]:
    there = world(beside(replace(slot("2", 6, floor=tasks), platform="fargate")))
    return observe(there.cloud, START), terms


@pytest.mark.parametrize(("tasks", "enough"), [(3, False), (4, True)])
def test_the_capacity_gate_weighs_platforms_not_counts(tasks: int, enough: bool) -> None:
    seen, terms = mixed(tasks)
    assert targets_for(seen, "green", 100, terms.carries) == 4
    assert targets_for(seen, "green", 10, terms.carries) == 1
    assert capacity(seen, "green", 100, terms.carries).passed is enough
    assert capacity(seen, "green", 50, terms.carries).passed
    assert capacity(seen, "green", 100, {}).passed


def test_promoting_the_same_image_on_another_platform_is_something_to_do() -> None:
    record = beside(replace(slot("1", 6), platform="fargate"))
    seen = observe(world(record).cloud, START)
    found = plan(seen, Promote(image("1")), Terms(platforms=("compose", "fargate")))
    assert isinstance(found, Plan)
    assert found.moves
    previous = Record(record.active, "previous", record.colors)
    there = plan(observe(world(previous).cloud, START), Promote(image("1")), Terms())
    assert isinstance(there, Plan)
    assert not there.moves


class FakeManifests:
    def __init__(self, manifest: str) -> None:
        self.manifest = manifest

    def batch_get_image(self, **_: Any) -> dict[str, Any]:
        return {"images": [{"imageManifest": self.manifest}]}


INDEX = (
    '{"manifests": [{"digest": "sha256:1", "platform": {"architecture": "arm64"}},'
    ' {"digest": "sha256:2", "platform": {"architecture": "unknown"}}]}'
)


def test_an_image_of_the_wrong_processor_is_refused_where_the_registry_tells() -> None:
    told = Ecr(FakeManifests(INDEX)).processors(ECR)  # type: ignore[arg-type]
    assert told == ("arm64",)
    with pytest.raises(Refused, match="can't run on fargate") as caught:
        check_processor(ECR, told, "fargate", "x86_64")
    assert caught.value.why == "the image is for arm64, and fargate.architecture means x86_64"
    check_processor(ECR, told, "fargate", "arm64")
    untold = Ecr(FakeManifests('{"config": {}}')).processors(ECR)  # type: ignore[arg-type]
    check_processor(ECR, untold, "fargate", "x86_64")
    assert Ecr(FakeManifests("")).processors("registry.example/shop@" + DIGEST) == ()  # type: ignore[arg-type]


def test_the_same_deploy_names_its_platform_where_that_is_in_doubt() -> None:
    assert asked_again(release("2"), beside(slot("2", 6))) == "shop:2"
    mixed = beside(replace(slot("2", 6), platform="fargate"))
    assert asked_again(mixed.colors["green"].release, mixed) == "shop:2 --platform fargate"
    assert asked_again(release("2"), mixed) == "shop:2 --platform compose"
