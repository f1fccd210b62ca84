"""Back to what served at a generation of long ago, over fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from driver.errors import Refused
from driver.far_back import foreseen, go_back, goal
from driver.observe import observe
from driver.release.history import Version
from infra.record import deployed_data
from tests.driver.fakes import World, image, serving, slot, world


def versions(stack: World) -> list[Version]:
    """Generation 1 served image 0, the present one is what it is."""
    deployed = stack.cloud.deployed
    assert deployed is not None
    old = replace(
        deployed, generation=1, record=replace(deployed.record, colors={"blue": slot("0", 1)}, standby="empty")
    )
    texts = [json.dumps(deployed_data(one)) for one in (old, deployed)]
    return [Version(number, datetime(2026, 3, 1, tzinfo=UTC), text) for number, text in enumerate(texts, 1)]


def aim(stack: World, generation: int):
    return goal(versions(stack), generation, observe(stack.cloud, stack.clock.now()))


@pytest.mark.parametrize("standby", ["empty", "candidate", "rejected", "previous"])
def test_what_served_then_is_deployed_anew_and_promoted(standby):
    stack = world(serving(standby, held="2026-03-01T13:00:00Z" if standby == "previous" else None))
    journey = go_back(stack.ports, aim(stack, 1), at_once=False, timeout=600)
    assert stack.record.active == "green"
    assert stack.record.active_slot.image == image("0")
    assert stack.cloud.live() == {"blue": 0, "green": 100}
    assert journey.stack_updates == 2
    assert "generation 1" in journey.reason


def test_it_is_said_beforehand_that_it_takes_minutes():
    stack = world(serving("candidate"))
    assert "minutes" in foreseen(stack.ports, aim(stack, 1))
    assert stack.stack.updates == []


def test_what_stands_by_as_previous_is_gone_back_to_at_once():
    stack = world(serving("previous"))
    texts = versions(stack)
    previous = replace(stack.cloud.deployed, generation=3, record=replace(stack.record, active="green"))
    texts.append(Version(9, datetime(2026, 3, 1, tzinfo=UTC), json.dumps(deployed_data(previous))))
    near = goal(texts, 3, observe(stack.cloud, stack.clock.now()))
    journey = go_back(stack.ports, near, at_once=True, timeout=600)
    assert stack.record.active == "green"
    assert journey.stack_updates == 1


def test_a_freeze_does_not_stop_a_way_back():
    stack = world(serving("candidate"))
    stack.cloud.freeze = "the sale"
    go_back(stack.ports, aim(stack, 1), at_once=False, timeout=600)
    assert stack.record.active_slot.image == image("0")


def test_what_serves_now_is_no_way_back():
    stack = world(serving("candidate"))
    with pytest.raises(Refused, match="serves already"):
        aim(stack, 5)


def test_a_generation_that_nobody_remembers_is_refused():
    stack = world(serving("candidate"))
    with pytest.raises(Refused, match="nobody knows"):
        aim(stack, 4)
