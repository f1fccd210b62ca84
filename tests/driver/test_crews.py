"""Workers that are services of their own: seen beside the colors, told where they are not as the record means them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from driver.cloud.services import crews
from driver.observe import glance, observe
from driver.pending import bring_up
from driver.release.moves import Advance, Settle, Shift, Undo
from driver.release.requests import Promote
from driver.release.snapshot import Crew, Snapshot
from driver.release.targets import RULES, WORKERS
from driver.report.status import StatusView, status_lines
from driver.transition import Limits, carry_out
from driver.verbs.status import summary
from infra.record import Color, Intent, Record, intent_text
from infra.steps import flipped
from tests.driver.fakes import START, World, serving, slot, world

CLUSTER = "ecs:cluster-1"
MAIL = {"blue": f"{CLUSTER}/blue-1-mail", "green": f"{CLUSTER}/green-4-mail"}
COUNTS = {"blue": 2, "green": 3}


def manned(blue: int = 2, green: int = 0, record: Record | None = None) -> World:
    """Both colors on Fargate, each with a worker; so many tasks are wanted of each."""
    colors: dict[Color, Any] = {
        "blue": replace(slot("1", 1), platform="fargate"),
        "green": replace(slot("2", 4), platform="fargate"),
    }
    made = world(record or Record("blue", "candidate", colors))
    assert made.cloud.deployed is not None
    there = made.cloud.deployed.record.colors
    names = {color: f"{CLUSTER}/{color}-{there[color].fill}-service" for color in ("blue", "green")}
    made.cloud.groups = {
        names[color]: replace(made.cloud.groups[f"{color}-{there[color].fill}-group"], name=names[color])
        for color in ("blue", "green")
    }
    made.cloud.deployed = replace(
        made.cloud.deployed,
        capacity=names,
        workers={color: {there[color].digest: {"mail": COUNTS[color]}} for color in ("blue", "green")},
    )
    made.cloud.manned = {MAIL["blue"]: Crew(blue, blue), MAIL["green"]: Crew(green, green)}
    return made


def look(made: World) -> Snapshot:
    return observe(made.cloud, made.clock.now())


def test_as_the_record_means_them_there_is_nothing_to_say() -> None:
    seen = look(manned())
    assert (seen.astray, seen.drift) == ((), ())
    view = StatusView("shop", seen)
    assert view.facts()["colors"]["blue"]["workers"] == [{"name": "mail", "wanted": 2, "running": 2}]
    assert view.facts()["colors"]["green"]["workers"] == [{"name": "mail", "wanted": 0, "running": 0}]
    lines = status_lines(view, "prod")
    assert [line for line in lines if "worker" in line] == [
        "  worker mail: 2/2 running",
        "  worker mail: 0/0 running",
    ]


def test_tasks_that_have_not_come_up_are_shown_and_are_no_drift() -> None:
    made = manned()
    made.cloud.manned[MAIL["blue"]] = Crew(2, 1)
    seen = look(made)
    assert seen.drift == ()
    assert "  worker mail: [yellow]1/2 running[/]" in status_lines(StatusView("shop", seen), "prod")


@pytest.mark.parametrize(
    ("blue", "green", "said"),
    [
        (0, 0, "mail of blue is to run 0 tasks, the record means 2"),
        (5, 0, "mail of blue is to run 5 tasks, the record means 2"),
        (2, 1, "mail of green is to run 1 task, the record means 0"),
    ],
)
def test_one_that_somebody_has_scaled_is_drift_and_up_mends_it(blue: int, green: int, said: str) -> None:
    made = manned(blue, green)
    seen = look(made)
    assert seen.drift == (said,)
    assert summary(seen) == ("drift", said, ("up",))
    bring_up(made.ports, timeout=60, wait=True)
    assert made.stack.reread == [(WORKERS,)], "Pulumi believes its state, and would leave it so"
    assert said in made.said[0]


def test_one_that_is_gone_is_told() -> None:
    made = manned()
    del made.cloud.manned[MAIL["blue"]]
    seen = look(made)
    assert seen.drift == (f"{MAIL['blue']}, which runs mail of blue, is gone",)
    assert "  worker mail: [red]gone[/]" in status_lines(StatusView("shop", seen), "prod")
    assert StatusView("shop", seen).facts()["colors"]["blue"]["workers"] == [
        {"name": "mail", "wanted": 0, "running": 0}
    ]


@pytest.mark.parametrize(("blue", "green"), [(2, 0), (0, 3), (2, 3), (0, 0)])
def test_while_a_rollback_is_not_yet_the_record_both_colors_are_right(blue: int, green: int) -> None:
    made = manned(blue, green)
    assert made.cloud.deployed is not None
    to = flipped(made.cloud.deployed, START)
    made.cloud.intent = intent_text(Intent(made.cloud.deployed.generation, to, "ann", "2026-03-01T12:00:00Z", "why"))
    assert look(made).astray == ()
    made.cloud.manned[MAIL["green"]] = Crew(9, 9)
    assert len(look(made).astray) == 1


@given(st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_it_is_drift_exactly_where_another_number_is_wanted(blue: int, green: int, flip: bool) -> None:
    made = manned(blue, green)
    deployed = made.cloud.deployed
    assert deployed is not None
    if flip:
        made.cloud.deployed = replace(deployed, record=flipped(deployed, START))
    due = (0, 3) if flip else (2, 0)
    assert (look(made).astray == ()) == ((blue, green) == due)


def test_nobody_is_asked_for_them_where_there_are_none_and_no_rollback_waits_for_them() -> None:
    made = world(serving())
    look(made)
    assert "crews" not in made.cloud.calls
    made = manned()
    made.cloud.calls.clear()
    seen = glance(made.cloud, made.cloud.stored(), START)
    assert "crews" not in made.cloud.calls
    assert (seen.crews, seen.astray) == (None, ())
    assert [line for line in status_lines(StatusView("shop", seen), "prod") if "worker" in line] == []


def test_whatever_flips_the_record_moves_them_too() -> None:
    deployed = manned().cloud.deployed
    assert deployed is not None
    assert WORKERS in RULES
    for move in (Shift("green"), Advance("green", 10, 1), Undo("blue"), Settle("blue")):
        assert WORKERS in move.targets(deployed), move


def test_a_promotion_is_not_kept_back_by_them() -> None:
    made = manned(blue=5)
    carry_out(made.ports, Promote(), Limits(timeout=60, lock=30))
    assert made.record.active == "green"


class FakeEcs:
    def __init__(self, **status: str) -> None:
        self.status = status
        self.asked: list[int] = []

    def describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        self.asked.append(len(services))
        if cluster == "gone":
            raise ClientError({"Error": {"Code": "ClusterNotFoundException"}}, "DescribeServices")
        found = [
            {"serviceName": one, "status": self.status.get(one, "ACTIVE"), "desiredCount": 2, "runningCount": 1}
            for one in services
        ]
        return {"services": found, "failures": []}


def test_services_are_asked_for_ten_at_a_time_and_those_on_their_way_out_are_left_out() -> None:
    ecs = FakeEcs(w3="DRAINING", w4="INACTIVE")
    names = [f"ecs:one/w{number}" for number in range(12)]
    found = crews(ecs, [*names, "ecs:gone/w1"])  # type: ignore[arg-type]
    assert ecs.asked == [10, 2, 1]
    assert set(found) == set(names) - {"ecs:one/w3", "ecs:one/w4"}
    assert found["ecs:one/w1"] == Crew(2, 1)
    assert crews(ecs, []) == {}  # type: ignore[arg-type]
