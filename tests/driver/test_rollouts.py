"""Instance refreshes and rolling deployments, as AWS's own answers tell of them, and what is asked of AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from driver.cloud import deployments, refreshes
from driver.cloud.rollouts import Rollouts
from driver.errors import Failure

OLD, NEW = "lt-0a:1", "lt-0b:1"
SERVICE = "ecs:one/blue-1"
TASKS = "arn:aws:ecs:eu-central-1:111122223333:task-definition/shop:2"


def refused(code: str = "ActiveInstanceRefreshNotFound") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Refresh")


class Scaling:
    """A scaling group's API: `refreshes` are the newest first, and `refuses` names calls that fail."""

    def __init__(self, *found: dict[str, Any], size: int = 2, refuses: tuple[str, ...] = ()) -> None:
        self.found, self.size, self.refuses = list(found), size, set(refuses)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {"InstanceRefreshes": self.found}

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        return {"AutoScalingGroups": [{"Instances": [{}] * self.size}]}

    def _note(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((name, given))
        if name in self.refuses:
            raise refused()
        return {}

    def start_instance_refresh(self, **given: Any) -> dict[str, Any]:
        return self._note("start", given)

    def cancel_instance_refresh(self, **given: Any) -> dict[str, Any]:
        return self._note("cancel", given)

    def rollback_instance_refresh(self, **given: Any) -> dict[str, Any]:
        return self._note("rollback", given)

    @property
    def calls(self) -> list[str]:
        return [name for name, _ in self.asked]

    @property
    def started(self) -> dict[str, Any]:
        (given,) = [given for name, given in self.asked if name == "start"]
        return given


def refresh(status: str, to: str = NEW, **more: Any) -> dict[str, Any]:
    id, _, version = to.partition(":")
    wanted = {"DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": id, "Version": version}}} if to else {}
    return {"Status": status, **wanted, **more}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Pending", "going"),
        ("Baking", "going"),
        ("Successful", "done"),
        ("Failed", "failed"),
        ("Cancelling", "stopping"),
        ("Cancelled", "stopped"),
        ("RollbackInProgress", "backing"),
        ("RollbackSuccessful", "back"),
        ("RollbackFailed", "failed"),
    ],
)
def test_a_refresh_is_told_by_its_status(status: str, state: str) -> None:
    found = refreshes.latest(Scaling(refresh(status)), "group")  # type: ignore[arg-type]
    assert found is not None
    assert (found.state, found.to) == (state, NEW)


@pytest.mark.parametrize(("percent", "state"), [(None, "going"), (49, "going"), (50, "waiting"), (100, "going")])
def test_it_waits_from_its_checkpoint_on_until_all_are_replaced(percent: int | None, state: str) -> None:
    at = refresh("InProgress", PercentageComplete=percent, Preferences={"CheckpointPercentages": [50, 100]})
    found = refreshes.latest(Scaling(at), "group")  # type: ignore[arg-type]
    assert found is not None
    assert (found.state, found.first) == (state, True)
    without = refreshes.latest(Scaling(refresh("InProgress", PercentageComplete=percent)), "group")  # type: ignore[arg-type]
    assert without is not None
    assert (without.state, without.first) == ("going", False)


def test_the_reason_of_a_rollback_comes_before_that_of_the_status() -> None:
    why = {"StatusReason": "rolled back", "RollbackDetails": {"RollbackReason": "an alarm rang"}}
    for told, reason in ((why, "an alarm rang"), ({"StatusReason": "ill"}, "ill"), ({}, "")):
        found = refreshes.latest(Scaling(refresh("RollbackSuccessful", **told)), "group")  # type: ignore[arg-type]
        assert found is not None
        assert found.reason == reason


def test_a_refresh_that_names_nothing_is_nobodys_here() -> None:
    assert refreshes.latest(Scaling(), "group") is None  # type: ignore[arg-type]
    found = refreshes.latest(Scaling(refresh("InProgress", ""), refresh("Failed", OLD)), "group")  # type: ignore[arg-type]
    assert found is not None
    assert (found.to, found.state) == (OLD, "failed")


@given(st.integers(1, 100))
def test_the_checkpoint_comes_after_one_member_whatever_the_size(size: int) -> None:
    group = Scaling(size=size)
    refreshes.begin(group, "group", NEW, warmup=30, first=True, alarms=())  # type: ignore[arg-type]
    share, all_of_them = group.started["Preferences"]["CheckpointPercentages"]
    assert (-(-size * share // 100), all_of_them) == (1, 100), "AWS rounds the number of members up"


def test_one_begins_so_that_new_ones_come_first_and_aws_takes_it_back_itself() -> None:
    group = Scaling()
    alarms = [f"alarm-{number}" for number in range(12)]
    refreshes.begin(group, "group", NEW, warmup=30, first=False, alarms=alarms)  # type: ignore[arg-type]
    given, wanted = group.started, group.started["Preferences"]
    assert given["DesiredConfiguration"] == {"LaunchTemplate": {"LaunchTemplateId": "lt-0b", "Version": "1"}}
    assert (wanted["MinHealthyPercentage"], wanted["MaxHealthyPercentage"]) == (100, 200)
    assert (wanted["AutoRollback"], wanted["InstanceWarmup"]) == (True, 30)
    assert "CheckpointPercentages" not in wanted
    assert wanted["AlarmSpecification"] == {"Alarms": alarms[:10]}, "AWS takes ten"


@pytest.mark.parametrize(
    ("found", "refuses", "calls"),
    [
        ([], (), ["start"]),
        ([refresh("Successful")], (), ["start"]),
        ([refresh("RollbackInProgress")], (), []),
        ([refresh("InProgress", OLD)], (), []),
        ([refresh("InProgress")], (), ["rollback"]),
        ([refresh("Baking")], (), ["rollback"]),
        ([refresh("InProgress")], ("rollback",), ["rollback", "cancel", "start"]),
    ],
)
def test_the_way_back_turns_the_refresh_round_or_begins_one(
    found: list[dict[str, Any]], refuses: tuple[str, ...], calls: list[str]
) -> None:
    group = Scaling(*found, refuses=refuses)
    refreshes.back(group, "group", OLD, warmup=30)  # type: ignore[arg-type]
    assert group.calls == calls
    if "start" in calls:
        assert group.started["DesiredConfiguration"]["LaunchTemplate"]["LaunchTemplateId"] == "lt-0a"
        assert "AutoRollback" not in group.started["Preferences"], "there is nothing to go back to from there"


def test_a_stop_fails_only_where_one_still_goes() -> None:
    refreshes.stop(Scaling(refresh("Cancelled"), refuses=("cancel",)), "group")  # type: ignore[arg-type]
    with pytest.raises(Failure):
        refreshes.stop(Scaling(refresh("InProgress"), refuses=("cancel",)), "group")  # type: ignore[arg-type]


class Ecs:
    """A service's API: deployments with the definition that each was to bring."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found, self.updated = list(found), []

    def list_service_deployments(self, **_: Any) -> dict[str, Any]:
        keys = ("serviceDeploymentArn", "createdAt")
        return {"serviceDeployments": [{key: one[key] for key in keys} for one in self.found]}

    def describe_service_deployments(self, serviceDeploymentArns: list[str]) -> dict[str, Any]:
        return {
            "serviceDeployments": [one for one in self.found if one["serviceDeploymentArn"] in serviceDeploymentArns]
        }

    def describe_service_revisions(self, **given: Any) -> dict[str, Any]:
        return {"serviceRevisions": [{"taskDefinition": arn.partition("/")[2]} for arn in given["serviceRevisionArns"]]}

    def update_service(self, **given: Any) -> None:
        self.updated.append(given)


def deployment(status: str, day: int = 1, brings: str = "new", **more: Any) -> dict[str, Any]:
    target = {"arn": f"revision/{brings}", **more.pop("tasks", {})}
    when = datetime(2026, 11, day, tzinfo=UTC)
    return {
        "serviceDeploymentArn": f"deployment/{day}",
        "createdAt": when,
        "status": status,
        "targetServiceRevision": target,
        **more,
    }


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (deployment("PENDING"), "going", ""),
        (deployment("IN_PROGRESS"), "going", ""),
        (deployment("SUCCESSFUL"), "done", ""),
        (deployment("STOPPED", statusReason="by hand"), "stopped", "by hand"),
        (deployment("STOPPED", deploymentCircuitBreaker={"status": "TRIGGERED"}), "failed", ""),
        (deployment("ROLLBACK_REQUESTED"), "backing", ""),
        (deployment("ROLLBACK_SUCCESSFUL", statusReason="x", rollback={"reason": "breaker"}), "back", "breaker"),
        (deployment("ROLLBACK_FAILED"), "failed", ""),
    ],
)
def test_a_deployment_is_told_by_its_status(found: dict[str, Any], state: str, reason: str) -> None:
    told = deployments.latest(Ecs(found), SERVICE)  # type: ignore[arg-type]
    assert told is not None
    assert (told.state, told.reason, told.to) == (state, reason, "new")


def test_the_newest_deployment_counts_and_how_far_it_is() -> None:
    tasks = {"requestedTaskCount": 4, "runningTaskCount": 3}
    ecs = Ecs(deployment("SUCCESSFUL", 1, "old"), deployment("IN_PROGRESS", 3, tasks=tasks), deployment("STOPPED", 2))
    told = deployments.latest(ecs, SERVICE)  # type: ignore[arg-type]
    assert told is not None
    assert (told.to, told.state, told.percent) == ("new", "going", 75)
    assert deployments.latest(Ecs(), SERVICE) is None  # type: ignore[arg-type]


def test_each_platform_is_asked_in_its_own_way_and_a_service_needs_no_stop() -> None:
    group, ecs = Scaling(refresh("InProgress")), Ecs()
    rollouts = Rollouts({"autoscaling": group, "ecs": ecs}.__getitem__)  # type: ignore[arg-type]
    rollouts.begin(SERVICE, TASKS, warmup=30, first=True, alarms=("a",))
    rollouts.stop(SERVICE)
    rollouts.back(SERVICE, TASKS, warmup=30)
    wanted = {"cluster": "one", "service": "blue-1", "taskDefinition": TASKS}
    assert ecs.updated == [wanted, wanted]
    assert group.calls == []
    rollouts.stop("group")
    rollouts.back("group", OLD, warmup=30)
    assert group.calls == ["cancel", "rollback"]
