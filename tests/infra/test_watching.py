"""Alarms: one of each kind for each color and platform, on the right metrics, and in nobody's way."""

from __future__ import annotations

from typing import Any

import pytest

from infra.alarm_names import KINDS, alarm_names
from infra.record import COLORS, to_data
from infra.settings import load
from infra.steps import flipped
from tests.infra.world import (
    IMAGE,
    NOW,
    Registered,
    World,
    as_config,
    at_rest,
    both_filled,
    copy_of,
    stack_file,
    with_standby,
)

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:releases"


def with_alarms(**alarms: Any) -> dict[str, Any]:
    return {**stack_file("dev"), "bluegreen:gates": {"alarms": alarms}}


def alarms(world: World) -> dict[str, Registered]:
    return {found.inputs["name"]: found for found in world.of_type(ALARM)}


def test_each_color_has_one_of_each_kind_under_the_names_that_a_driver_looks_for() -> None:
    names = alarm_names("shop", "dev", ("compose",))
    assert set(alarms(at_rest())) == {name for of in names.values() for some in of.values() for name in some}


@pytest.mark.parametrize("color", COLORS)
def test_what_is_watched(color: str) -> None:
    found = alarms(at_rest())
    for kind in KINDS:
        inputs = found[f"shop/dev/{color}/compose/{kind}"].inputs
        assert (inputs["evaluationPeriods"], inputs["datapointsToAlarm"]) == (1, 1)
        assert inputs["treatMissingData"] == "notBreaching"
        assert "alarmActions" not in inputs
        assert inputs["tags"]["bluegreen:color"] == color
    latency = found[f"shop/dev/{color}/compose/latency"].inputs
    assert (latency["metricName"], latency["extendedStatistic"], latency["period"]) == ("TargetResponseTime", "p95", 60)
    assert (latency["comparisonOperator"], latency["threshold"]) == ("GreaterThanThreshold", 1)
    unhealthy = found[f"shop/dev/{color}/compose/unhealthy-hosts"].inputs
    assert (unhealthy["comparisonOperator"], unhealthy["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    errors = found[f"shop/dev/{color}/compose/errors"].inputs
    assert (errors["comparisonOperator"], errors["threshold"]) == ("GreaterThanThreshold", 5)
    assert judged_by(errors, "IF(requests > 0, 100 * FILL(errors, 0) / requests)") == {
        "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
        "requests": ("RequestCount", "Sum"),
    }
    assert judged_by(unhealthy, "IF(requests > 0, unhealthy)") == {
        "unhealthy": ("UnHealthyHostCount", "Maximum"),
        "requests": ("RequestCount", "Sum"),
    }
    parts = [query["metric"] for of in (errors, unhealthy) for query in of["metricQueries"] if "metric" in query]
    for judged in (latency, *parts):
        assert judged["namespace"] == "AWS/ApplicationELB"
        assert judged["period"] == 60
        assert set(judged["dimensions"]) == {"LoadBalancer", "TargetGroup"}
        assert f"{color}-compose-targets" in judged["dimensions"]["TargetGroup"]


def judged_by(inputs: dict[str, Any], expression: str) -> dict[str, tuple[str, str]]:
    """The metrics that the alarm's one expression is made of."""
    judged, *counted = inputs["metricQueries"]
    assert judged["expression"] == expression
    assert [query["returnData"] for query in inputs["metricQueries"]] == [True, *(False for _ in counted)]
    return {query["id"]: (query["metric"]["metricName"], query["metric"]["stat"]) for query in counted}


def test_every_limit_is_the_settings_one() -> None:
    world = World().up(with_alarms(errors=0.5, latency=0.25, unhealthyHosts=3, periods=4))
    found = alarms(world)
    for color in COLORS:
        limits = {kind: found[f"shop/dev/{color}/compose/{kind}"].inputs["threshold"] for kind in KINDS}
        assert limits == {"errors": 0.5, "latency": 0.25, "unhealthy-hosts": 3}
    assert {one.inputs["evaluationPeriods"] for one in found.values()} == {4}
    assert {one.inputs["datapointsToAlarm"] for one in found.values()} == {4}


def test_a_topic_is_told_by_every_alarm() -> None:
    world = World().up({**stack_file("dev"), "bluegreen:notify": {"topic": TOPIC}})
    assert [one.inputs["alarmActions"] for one in alarms(world).values()] == [[TOPIC]] * 6


def test_alarms_can_be_switched_off() -> None:
    world = World().up(with_alarms(enabled=False))
    assert alarms(world) == {}
    assert not world.of_type("bluegreen:index:Watch")


def test_nothing_waits_for_an_alarm_and_none_is_protected() -> None:
    for world in (World().up(stack_file("prod"), "prod"), at_rest()):
        names = {one.name for one in world.of_type(ALARM)} | {"watch"}
        assert len(names) == 7
        # A guard stands before everything, and no deploy or shift makes it anew.
        assert {one.name for one in world.resources if names & one.dependencies} == {"ground-guard"}
        assert not any(one.protected for one in world.of_type(ALARM))
        assert {one.parent for one in world.of_type(ALARM)} == {"watch"}


def test_an_alarm_waits_for_its_group_and_the_balancer_alone() -> None:
    for one in alarms(at_rest()).values():
        color = one.inputs["tags"]["bluegreen:color"]
        assert one.dependencies == {"balancer", f"{color}-compose-targets"}


def test_a_new_release_and_a_shift_leave_the_alarms_as_they_are() -> None:
    world = World().up(stack_file("dev"))
    first = {name: one.said for name, one in alarms(world).items()}
    assert first
    with_standby(world, stack_file("dev"))
    assert {name: one.said for name, one in alarms(world).items()} == first
    was = world.deployed
    world.up({**stack_file("dev"), **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert world.deployed.record.active == "green"
    assert {name: one.said for name, one in alarms(world).items()} == first


def test_limits_follow_the_settings_also_while_releases_stand_and_make_no_new_release(world: World) -> None:
    was = both_filled(world)
    world.up({**with_alarms(latency=0.1), **copy_of(was)})
    assert alarms(world)["shop/dev/blue/compose/latency"].inputs["threshold"] == 0.1
    assert not any(one.ignored for one in alarms(world).values())
    assert world.deployed == was


def test_alarms_are_no_part_of_a_release() -> None:
    from infra.digest import release_digest

    one = load(as_config(stack_file("dev")), "shop", "dev")
    two = load(as_config({**with_alarms(enabled=False), "bluegreen:notify": {"topic": TOPIC}}), "shop", "dev")
    assert release_digest(one, "compose", IMAGE) == release_digest(two, "compose", IMAGE)
