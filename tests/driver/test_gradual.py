"""Shifts in steps, over fakes: what is watched, what goes back, what waits for a person, and how it is carried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from driver.errors import Busy, Refused, RolledBack, Unfinished
from driver.interrupts import Interrupted
from driver.ports import Fetched, Ran
from driver.release.lines import Line
from driver.release.requests import Promote, Resume, Rollback
from driver.release.signals import Alarm, Served
from driver.release.terms import ALL_AT_ONCE, Alarms, Command, Requests, Smoke, Strategy, Terms
from driver.rollback import Haste, roll_back
from driver.stack.failures import UpdateFailed
from driver.transition import Limits, carry_out, planned
from infra.record import Intent, intent_text
from tests.driver.fakes import START, World, serving, world

LIMITS = Limits(timeout=600, lock=30)
CANARY = Strategy("canary", (10,), 300)
NAMES = ("shop-green-errors", "shop-green-latency")
TERMS = Terms(
    hold=3600,
    least=2,
    most=6,
    strategies={"all-at-once": ALL_AT_ONCE, "canary": CANARY},
    strategy=CANARY,
    alarms=Alarms({"green": {"compose": NAMES}}, sight=120),
    requests=Requests(500, "hold", 900),
)


def made(standby: str = "candidate", terms: Terms = TERMS, **changes: object) -> World:
    found = world(serving(standby, **changes))  # type: ignore[arg-type]
    found.stack.settings = terms
    found.cloud.alarming = {name: Alarm(name, "OK") for name in NAMES}
    return found


def at(stack: World, second: float, happens) -> None:
    """Lets something happen once, so many seconds into the tests' time."""
    done = []

    def tick() -> None:
        if stack.clock.seconds >= second and not done:
            done.append(True)
            happens()

    stack.clock.ticks.append(tick)


def started(stack: World, **request: object) -> None:
    """A canary that is at 10 % and whose driver is gone."""
    at(stack, 60, lambda: (_ for _ in ()).throw(Interrupted("SIGTERM")))
    with pytest.raises(Unfinished):
        carry_out(stack.ports, Promote(**request), LIMITS)  # type: ignore[arg-type]
    stack.clock.ticks.clear()
    assert stack.record.transition is not None


def test_a_canary_is_two_updates_and_bakes_in_between():
    stack = made()
    journey = carry_out(stack.ports, Promote(), LIMITS)
    assert journey.stack_updates == 2
    assert stack.cloud.history == [{"blue": 90, "green": 10}, {"blue": 0, "green": 100}]
    assert 300 <= stack.clock.seconds < 310
    assert (stack.record.active, stack.record.standby, stack.record.transition) == ("green", "previous", None)
    assert stack.record.held_until is not None
    bake = next(step for step in journey.steps if step.waited_seconds)
    assert {verdict.gate for verdict in bake.verdicts} == {"health", "alarms", "requests"}
    assert bake.weight == 10


def test_the_record_tells_the_whole_course_while_it_is_gone():
    stack = made()
    seen = []
    at(stack, 100, lambda: seen.append(stack.record.transition))
    carry_out(stack.ports, Promote(weights=(5, 50), bake=200, gates={"smoke": "off"}), LIMITS)
    asked = seen[0].asked
    assert (asked["weights"], asked["bakes"], asked["gates"]) == ([5, 50], [200, 200], {"smoke": "off"})
    assert (seen[0].weight, seen[0].step) == (5, 1)


def test_own_weights_take_one_update_each():
    stack = made()
    journey = carry_out(stack.ports, Promote(weights=(5, 25, 50), bake=120), LIMITS)
    assert [shares["green"] for shares in stack.cloud.history] == [5, 25, 50, 100]
    assert journey.stack_updates == 4


def test_dry_run_tells_each_weight_the_gates_and_the_time():
    stack = made()
    _, plan = planned(stack.ports, Promote(weights=(5, 25, 50), bake=600))
    assert plan.updates == 4
    assert plan.baking == 1800
    assert any(gate.startswith("alarms (2)") for gate in plan.gates)
    assert any("500" in gate for gate in plan.gates)
    assert "4 stack updates" in plan.notes[0]
    assert stack.stack.updates == []


def test_a_small_standby_is_scaled_up_before_the_weight_that_needs_it():
    stack = made(floor=1)
    stack.cloud.set_desired("blue-1-group", 4)
    _, plan = planned(stack.ports, Promote(weights=(10, 50), bake=120))
    assert [str(move) for move in plan.moves if "floors" in str(move)] == [
        "set floors: green 2",
        "set floors: green 4",
    ]
    assert plan.updates == 5
    carry_out(stack.ports, Promote(weights=(10, 50), bake=120), LIMITS)
    assert stack.record.colors["green"].floor == 4
    assert stack.record.active == "green"


def test_all_at_once_to_a_smaller_standby_is_refused():
    stack = made(floor=1)
    with pytest.raises(Refused) as caught:
        carry_out(stack.ports, Promote(strategy="all-at-once"), LIMITS)
    assert caught.value.facts["gate"] == "capacity"
    assert stack.stack.updates == []


def test_a_standby_that_would_need_more_than_the_settings_allow_is_refused():
    stack = made(terms=replace(TERMS, most=3))
    stack.cloud.set_desired("blue-1-group", 4)
    with pytest.raises(Refused, match="would need 4 targets at 100 %"):
        carry_out(stack.ports, Promote(), LIMITS)


def test_the_standby_grows_when_the_active_color_has_grown_meanwhile():
    stack = made()
    at(stack, 100, lambda: stack.cloud.set_desired("blue-1-group", 4))
    journey = carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.colors["green"].floor == 4
    assert journey.stack_updates == 3
    assert stack.record.active == "green"


def test_an_alarm_in_the_bake_takes_the_traffic_back_within_a_poll():
    stack = made()
    fires = Alarm(NAMES[0], "ALARM", "7 % of the answers were errors", fired=True)
    at(stack, 100, lambda: stack.cloud.alarming.update({NAMES[0]: fires}))
    with pytest.raises(RolledBack) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 4
    assert "7 % of the answers" in caught.value.why
    assert stack.clock.seconds <= 100 + 5 + 5
    assert stack.cloud.live() == {"blue": 100, "green": 0}
    assert (stack.record.standby, stack.record.transition) == ("rejected", None)
    assert stack.record.colors["green"].filled
    assert caught.value.facts["gate"] == "alarms"


def test_an_alarm_that_fires_before_the_first_weight_is_a_refusal():
    stack = made()
    stack.cloud.alarming[NAMES[1]] = Alarm(NAMES[1], "ALARM", "slow", fired=True)
    with pytest.raises(Refused) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.facts["gate"] == "alarms"
    assert stack.cloud.history == []
    assert 240 <= stack.clock.seconds < 250
    carry_out(stack.ports, Promote(gates={"alarms": "warn"}), LIMITS)
    assert stack.record.active == "green"


def test_an_alarm_that_still_rings_for_the_release_before_is_waited_for():
    stack = made()
    stack.cloud.alarming[NAMES[1]] = Alarm(NAMES[1], "ALARM", "slow", fired=True)
    at(stack, 60, lambda: stack.cloud.alarming.update({NAMES[1]: Alarm(NAMES[1], "OK")}))
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.active == "green"


@pytest.mark.parametrize(("policy", "goes"), [("fail", False), ("hold", False), ("pass", True)])
def test_a_missing_alarm_follows_the_policy(policy, goes):
    stack = made(terms=replace(TERMS, alarms=replace(TERMS.alarms, missing=policy)))
    del stack.cloud.alarming[NAMES[0]]
    if goes:
        carry_out(stack.ports, Promote(), LIMITS)
        assert stack.record.active == "green"
        return
    with pytest.raises(Refused, match="does not exist"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.history == []


@pytest.mark.parametrize(("policy", "ends"), [("fail", RolledBack), ("hold", Unfinished), ("pass", None)])
def test_an_alarm_without_data_in_the_bake_follows_the_policy(policy, ends):
    stack = made(terms=replace(TERMS, alarms=replace(TERMS.alarms, also=("cpu",), no_data=policy)))
    stack.cloud.alarming["cpu"] = Alarm("cpu", "OK")
    at(stack, 50, lambda: stack.cloud.alarming.update({"cpu": Alarm("cpu", "INSUFFICIENT_DATA")}))
    if ends is None:
        carry_out(stack.ports, Promote(), LIMITS)
        assert stack.record.active == "green"
        return
    with pytest.raises(ends):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live()["green"] == (0 if ends is RolledBack else 10)


def test_a_canary_without_traffic_is_watched_longer_and_then_held():
    stack = made()
    stack.cloud.traffic = Served(12, 0)
    with pytest.raises(Unfinished) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 6
    assert "12 of 500" in caught.value.what
    assert stack.clock.seconds >= 900
    assert stack.cloud.live() == {"blue": 90, "green": 10}
    stack.cloud.traffic = Served(900, 0)
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.record.active == "green"


def test_traffic_that_comes_late_is_waited_for():
    stack = made()
    stack.cloud.traffic = Served(12, 0)
    at(stack, 500, lambda: setattr(stack.cloud, "traffic", Served(501, 0)))
    carry_out(stack.ports, Promote(), LIMITS)
    assert 500 <= stack.clock.seconds < 520
    assert stack.record.active == "green"


@pytest.mark.parametrize(("otherwise", "ends"), [("pass", None), ("fail", RolledBack)])
def test_too_few_requests_follow_the_policy(otherwise, ends):
    stack = made(terms=replace(TERMS, requests=Requests(500, otherwise, 600)))
    stack.cloud.traffic = Served(0, 0)
    if ends is None:
        carry_out(stack.ports, Promote(), LIMITS)
        assert stack.record.active == "green"
    else:
        with pytest.raises(ends):
            carry_out(stack.ports, Promote(), LIMITS)
        assert stack.cloud.live()["green"] == 0
    assert stack.clock.seconds >= 600


def test_a_target_that_ails_in_the_bake_takes_the_traffic_back():
    stack = made()
    at(stack, 50, lambda: stack.cloud.ail("green", 1))
    with pytest.raises(RolledBack) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert "Target.Timeout" in caught.value.why
    assert any(target["state"] == "unhealthy" for target in caught.value.facts["targets"])


def test_a_rollback_quotes_what_the_release_logged_last():
    stack = made()
    stack.cloud.logged["green"] = [
        Line(str(number), stack.clock.now(), f"i-1/app{number}", f"line {number}") for number in range(9)
    ]
    at(stack, 50, lambda: stack.cloud.ail("green", 1))
    with pytest.raises(RolledBack) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.facts["log"] == [f"i-1/app{number}: line {number}" for number in range(4, 9)]
    assert "line 8" in caught.value.why


@pytest.mark.parametrize("call", ["log_lines", "capacity"])
def test_what_can_not_be_read_keeps_no_traffic_from_going_back(call):
    stack = made()

    def both() -> None:
        stack.cloud.alarming[NAMES[0]] = Alarm(NAMES[0], "ALARM", "errors", fired=True)
        # `capacity` is asked when the bake looks, and again before the way back: it fails from the second time on.
        calls = []
        real = getattr(stack.cloud, call)

        def fails(*asked):
            calls.append(asked)
            if call == "log_lines" or len(calls) > 1:
                raise UpdateFailed("throttled", "too many")
            return real(*asked)

        setattr(stack.cloud, call, fails)

    at(stack, 50, both)
    with pytest.raises((RolledBack, Unfinished)):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live() == {"blue": 100, "green": 0}


def test_nothing_goes_back_to_a_color_of_which_no_target_is_well():
    stack = made()
    fires = Alarm(NAMES[0], "ALARM", "errors", fired=True)

    def both() -> None:
        stack.cloud.alarming[NAMES[0]] = fires
        stack.cloud.ail("blue", 2)

    at(stack, 50, both)
    with pytest.raises(Unfinished, match="none of the targets of blue is healthy"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live() == {"blue": 90, "green": 10}


def test_smoke_checks_go_through_the_test_listener_before_any_client_does():
    terms = replace(TERMS, smoke=(Smoke("/", 200, "well"), Smoke("/cart?x=1", 200)))
    stack = made(terms=terms)
    at_first = []
    stack.clock.ticks.append(lambda: at_first.append(list(stack.cloud.history)))
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.probe.fetched[:2] == ["http://shop.example:9001/", "http://shop.example:9001/cart?x=1"]
    assert len(stack.probe.fetched) == 4  # once before the first weight, once before the last


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Fetched(500, "boom"), "answered 500, not 200"),
        (Fetched(200, "ill"), "lacks 'well'"),
        (Fetched(0, why="refused"), "gave no answer"),
    ],
)
def test_a_smoke_check_that_fails_is_a_refusal(page, why):
    stack = made(terms=replace(TERMS, smoke=(Smoke("/", 200, "well"),)))
    stack.probe.pages["http://shop.example:9001/"] = page
    with pytest.raises(Refused) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert why in caught.value.what
    assert stack.cloud.history == []
    carry_out(stack.ports, Promote(gates={"smoke": "off"}), LIMITS)
    assert stack.record.active == "green"


def test_the_teams_command_is_told_the_color_and_the_test_address():
    stack = made(terms=replace(TERMS, command=Command(("./check", "--fast"))))
    carry_out(stack.ports, Promote(), LIMITS)
    words, environment = stack.runner.ran[0]
    assert words == ("./check", "--fast")
    assert environment == {"BLUEGREEN_COLOR": "green", "BLUEGREEN_URL": "http://shop.example:9001"}


def test_a_command_that_fails_in_the_bake_takes_the_traffic_back():
    stack = made(terms=replace(TERMS, command=Command(("./check",))))
    at(stack, 50, lambda: setattr(stack.runner, "ends", Ran(1, "the cart is empty")))
    with pytest.raises(RolledBack, match="blue serves again") as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert "the cart is empty" in caught.value.why


def test_pause_after_a_weight_ends_well_and_resume_goes_on():
    stack = made()
    journey = carry_out(stack.ports, Promote(weights=(10, 50), bake=120, pause_after=10), LIMITS)
    assert journey.paused and journey.paused.weight == 10
    transition = stack.record.transition
    assert transition is not None
    assert (transition.weight, transition.paused) == (10, True)
    with pytest.raises(Refused, match="a transition is in progress"):
        carry_out(stack.ports, Promote(), LIMITS)
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.record.active == "green"
    assert [shares["green"] for shares in stack.cloud.history] == [10, 50, 100]


def test_resume_counts_the_bake_that_was_served():
    stack = made()
    started(stack)
    stack.clock.seconds += 200
    before = stack.clock.seconds
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.clock.seconds - before < 60
    assert stack.record.active == "green"


def test_resume_goes_the_way_that_was_asked_for_whatever_the_settings_say_now():
    stack = made()
    started(stack, weights=(10, 30, 60), bake=120)
    stack.stack.settings = replace(TERMS, strategy=ALL_AT_ONCE)
    carry_out(stack.ports, Resume(), LIMITS)
    assert [shares["green"] for shares in stack.cloud.history] == [10, 30, 60, 100]


def test_resume_judges_the_time_in_which_nobody_watched():
    stack = made()
    started(stack)
    stack.clock.seconds += 1000
    stack.cloud.alarming[NAMES[0]] = Alarm(NAMES[0], "OK", "it was at 12 %", fired=True)
    with pytest.raises(RolledBack, match="blue serves again"):
        carry_out(stack.ports, Resume(), LIMITS)
    assert stack.cloud.live() == {"blue": 100, "green": 0}


def test_resume_finishes_a_step_that_got_as_far_as_the_rule():
    stack = made()
    started(stack, weights=(10, 50), bake=120)
    stack.clock.seconds += 200
    stack.cloud.move(50)
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.record.active == "green"
    assert [shares["green"] for shares in stack.cloud.history] == [10, 50, 50, 100] or [
        shares["green"] for shares in stack.cloud.history
    ] == [10, 50, 100]


def test_resume_takes_back_a_first_step_of_which_no_record_tells():
    stack = made()
    stack.cloud.move(90)
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.cloud.live() == {"blue": 100, "green": 0}
    assert (stack.record.standby, stack.record.transition) == ("candidate", None)


def test_resume_refuses_weights_that_no_step_leads_to():
    stack = made()
    started(stack)
    stack.cloud.move(60)
    with pytest.raises(Refused, match="changed behind"):
        carry_out(stack.ports, Resume(), LIMITS)


def test_resume_has_nothing_to_do_where_nothing_is_in_progress():
    stack = made()
    assert carry_out(stack.ports, Resume(), LIMITS).steps == []


def test_rollback_in_the_middle_rejects_the_standby():
    stack = made()
    started(stack)
    roll_back(stack.ports, Haste())
    assert stack.cloud.live() == {"blue": 100, "green": 0}
    assert (stack.record.standby, stack.record.transition) == ("rejected", None)
    with pytest.raises(Refused, match="rejected"):
        carry_out(stack.ports, Promote(), LIMITS)


def test_a_driver_that_meets_a_rollback_stops():
    stack = made()

    def rolled() -> None:
        wish = planned(stack.ports, Rollback())[1].moves[-1].wish(stack.cloud.deployed, stack.clock.now())
        stack.cloud.put_intent(intent_text(Intent(stack.cloud.deployed.generation, wish, "someone", "", "rollback")))

    at(stack, 100, rolled)
    with pytest.raises(Busy, match="was rolled back"):
        carry_out(stack.ports, Promote(), LIMITS)


def test_a_driver_that_meets_another_ones_record_stops():
    stack = made()
    at(stack, 100, lambda: roll_back(stack.ports, Haste()))
    with pytest.raises(Busy, match="another driver took over"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live() == {"blue": 100, "green": 0}


def test_weights_changed_by_hand_in_the_bake_are_not_fought_over():
    stack = made()
    at(stack, 100, lambda: stack.cloud.move(70))
    with pytest.raises(Busy, match="changed the live weights"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live() == {"blue": 70, "green": 30}


def test_one_glance_at_other_weights_is_not_drift_yet():
    stack = made()
    at(stack, 100, lambda: stack.cloud.move(70))
    at(stack, 105, lambda: stack.cloud.move(90))
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.active == "green"


def test_calls_that_fail_for_a_moment_end_no_bake():
    stack = made()
    at(stack, 100, lambda: stack.cloud.failing.update({"health": UpdateFailed("throttled", "too many")}))
    at(stack, 140, stack.cloud.failing.clear)
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.active == "green"


def test_a_bake_that_nobody_can_watch_is_given_up_and_stays_where_it_is():
    stack = made()
    at(stack, 100, lambda: stack.cloud.failing.update({"health": UpdateFailed("throttled", "too many")}))
    with pytest.raises(Unfinished, match="nobody can watch") as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert "resume" in caught.value.next
    assert stack.cloud.live() == {"blue": 90, "green": 10}
    assert stack.clock.seconds < 200


def test_a_clock_that_jumps_does_not_shorten_the_bake():
    stack = made()
    skew = [timedelta()]
    real = stack.clock.now
    stack.clock.now = lambda: real() + skew[0]  # type: ignore[method-assign]
    at(stack, 50, lambda: skew.__setitem__(0, timedelta(hours=3)))
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.clock.seconds >= 300


def test_a_time_that_a_wrong_clock_wrote_does_not_keep_a_resume_from_counting_requests():
    stack = made()
    started(stack)
    stack.cloud.deployed = replace(
        stack.cloud.deployed,
        record=replace(stack.record, transition=replace(stack.record.transition, step_since="2026-03-02T12:00:00Z")),
    )
    asked = []
    real = stack.cloud.served
    stack.cloud.served = lambda group, rule, since: asked.append(since) or real(group, rule, since)
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.record.active == "green"
    assert len(set(asked)) == 1
    assert asked[0] <= stack.clock.now()


def test_an_update_that_fails_in_the_middle_leaves_the_weight_it_was_at():
    stack = made()
    at(stack, 299, lambda: setattr(stack.stack, "failing", UpdateFailed("the update failed", "throttled")))
    with pytest.raises(Unfinished) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.next[:2] == ("resume", "rollback")
    assert stack.cloud.live() == {"blue": 90, "green": 10}
    stack.stack.failing = None
    carry_out(stack.ports, Resume(), LIMITS)
    assert stack.record.active == "green"


def test_times_of_the_record_tell_milliseconds_so_that_a_fast_rehearsal_counts_right():
    stack = made()
    stack.clock.seconds = 0.25
    seen = []
    at(stack, 100, lambda: seen.append(stack.record.transition))
    carry_out(stack.ports, Promote(), LIMITS)
    assert seen[0].since == (START + timedelta(seconds=0.25)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
