"""Plans for every record, observation and request: what they may never do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from driver.observe import observe
from driver.release.back import back
from driver.release.moves import Await, Clear, Fill, Floors, Plan, Refusal, Resize, Shift
from driver.release.plan import plan
from driver.release.requests import Deploy, Promote, Retire, Rollback, Terms
from driver.release.snapshot import Fleet, Rule, Snapshot, Stored, Target
from infra.record import COLORS, Deployed, Intent, Record, Transition, other, weights
from infra.steps import step
from tests.driver.fakes import START, image, release, serving, slot, world

HELD = ("2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z", None)
EARLIER = "2026-03-01T11:00:00Z"


@st.composite
def records(draw):
    active = draw(st.sampled_from(COLORS))
    standby = draw(st.sampled_from(["empty", "candidate", "previous", "rejected"]))
    colors = {active: slot("1", 3, draw(st.integers(1, 4)))}
    if standby != "empty":
        colors[other(active)] = slot(draw(st.sampled_from(["1", "2"])), 4, draw(st.integers(0, 4)))
    shift = None
    if standby == "candidate" and colors[other(active)].filled and draw(st.booleans()):
        shift = Transition("shift", draw(st.integers(1, 99)), 1, EARLIER, EARLIER)
    held = draw(st.sampled_from(HELD)) if standby == "previous" else None
    return Record(active, standby, colors, shift, held)


@st.composite
def fleets(draw, record, color):
    if color not in record.colors:
        return Fleet()
    states = draw(st.lists(st.sampled_from(["healthy", "unhealthy", "initial"]), max_size=5))
    targets = tuple(Target(f"i-{number}", state) for number, state in enumerate(states))
    floor = record.colors[color].floor
    return Fleet(draw(st.integers(floor, 6)), targets, group=f"{color}-group", least=floor, most=6)


@st.composite
def snapshots(draw):
    record = draw(records())
    groups = {color: {"compose": f"arn:tg/{color}"} for color in COLORS}
    deployed = Deployed(record, 5, rules={"production": "arn:rule"}, target_groups=groups)
    live = draw(st.sampled_from([weights(record), {"blue": 100, "green": 0}, {"blue": 40, "green": 60}, None]))
    intent = Intent(draw(st.sampled_from([4, 5])), record) if draw(st.booleans()) and draw(st.booleans()) else None
    freeze = draw(st.sampled_from(["", "", "", "closed"]))
    seen = {color: draw(fleets(record, color)) for color in COLORS}
    return Snapshot(Stored(deployed, intent, freeze), START, live, fleets=seen)


terms = st.builds(Terms, hold=st.sampled_from([0, 3600]), least=st.integers(1, 3), most=st.integers(4, 8))
deploys = st.builds(
    Deploy,
    st.sampled_from([release("1"), release("2"), release("3")]),
    st.none() | st.integers(1, 9),
    st.booleans(),
)
promotes = st.builds(Promote, st.none() | st.sampled_from([image("1"), image("2")]), st.booleans())
retires = st.builds(Retire, st.none() | st.sampled_from(COLORS), st.booleans())
requests = st.one_of(deploys, promotes, retires, st.builds(Rollback, st.booleans()))


@settings(max_examples=150, deadline=None)
@given(snapshots(), requests, terms)
def test_every_step_of_a_plan_is_a_legal_one(seen, request_, terms):
    decision = plan(seen, request_, terms)
    if isinstance(decision, Refusal):
        assert decision.what
        assert decision.why
        return
    deployed = seen.deployed
    for move in decision.moves:
        if isinstance(move, Await | Resize):
            continue
        wish = move.wish(deployed, START)
        deployed = replace(deployed, record=step(deployed, wish, START).record, generation=deployed.generation + 1)


@settings(max_examples=100, deadline=None)
@given(snapshots(), st.one_of(deploys, retires), terms)
def test_deploy_and_retire_move_no_traffic_and_never_empty_what_serves(seen, request_, terms):
    decision = plan(seen, request_, terms)
    if isinstance(decision, Refusal):
        return
    active = seen.record.active
    for move in decision.moves:
        assert isinstance(move, Clear | Fill | Floors | Await | Resize)
        if isinstance(move, Clear | Fill | Floors):
            wish = move.wish(seen.deployed, START)
            assert weights(wish) == weights(seen.record)
            assert wish.colors[active].filled
            assert wish.colors[active].release == seen.record.colors[active].release
        else:
            assert move.color != active


@settings(max_examples=100, deadline=None)
@given(snapshots(), promotes, terms)
def test_traffic_goes_forward_only_to_a_color_that_can_carry_it(seen, request_, terms):
    decision = plan(seen, request_, terms)
    if isinstance(decision, Refusal) or not decision.moves:
        return
    (move,) = decision.moves
    assert isinstance(move, Shift)
    assert move.to == seen.record.idle
    assert seen.record.standby in {"candidate", "rejected"}
    assert seen.fleet(move.to).healthy >= max(1, seen.fleet(seen.record.active).healthy)
    assert seen.live == weights(seen.record)
    assert not seen.stored.freeze


@settings(max_examples=100, deadline=None)
@given(snapshots(), st.booleans())
def test_a_rollback_ends_on_what_has_served_and_waits_for_it_unless_told_not_to(seen, at_once):
    decision = back(seen, seen.deployed, at_once=at_once)
    record = seen.record
    if isinstance(decision, Refusal):
        assert record.transition is None
        assert record.standby != "previous"
        return
    to = decision.moves[-1].to
    assert to == record.active or record.standby == "previous"
    waits = [move for move in decision.moves if isinstance(move, Await)]
    if at_once:
        assert not waits
    elif not waits and (seen.live or {}).get(to) != 100:
        assert seen.fleet(to).healthy >= 1


@settings(max_examples=60, deadline=None)
@given(snapshots())
def test_a_held_color_is_not_made_smaller(seen):
    record = seen.record
    if not record.held(START):
        return
    decision = plan(seen, Retire(), Terms())
    assert isinstance(decision, Refusal) or all(not isinstance(move, Floors) for move in decision.moves)


def test_a_pending_intent_stops_every_verb_but_rollback_as_busy():
    record = Record("blue", "previous", {"blue": slot("1", 1), "green": slot("2", 4)})
    groups = {color: {"compose": f"arn:tg/{color}"} for color in COLORS}
    deployed = Deployed(record, 5, rules={"production": "arn:rule"}, target_groups=groups)
    seen = Snapshot(Stored(deployed, Intent(5, record)), START, weights(record))
    for request in (Deploy(release("3")), Promote(), Retire()):
        decision = plan(seen, request, Terms())
        assert isinstance(decision, Refusal)
        assert decision.code == 5
    assert isinstance(plan(seen, Rollback(at_once=True), Terms()), Plan)


def test_a_test_rule_that_sends_to_what_serves_is_drift_and_bars_a_promotion():
    made = world(serving("candidate"))
    made.cloud.forwarding["arn:rule/test"] = Rule("arn:rule/test", {"arn:tg/blue": 1})
    seen = observe(made.cloud, made.clock.now())
    assert seen.drift == ("the test rule sends to blue, which serves; the record says green",)
    refused = plan(seen, Promote(), Terms())
    assert isinstance(refused, Refusal)
    assert refused.next[0] == "up"
    assert isinstance(plan(seen, Retire(), Terms()), Plan)


def test_targets_that_someone_registered_beside_the_release_that_serves_are_drift():
    made = world(serving("candidate"))
    made.cloud.targets["arn:tg/blue"] += (Target("i-by-hand", "healthy"),)
    assert "i-by-hand" in observe(made.cloud, made.clock.now()).drift[0]
    made.cloud.targets["arn:tg/blue"] = (*made.cloud.targets["arn:tg/blue"][:-1], Target("i-by-hand", "draining"))
    assert observe(made.cloud, made.clock.now()).drift == ()
