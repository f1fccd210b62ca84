"""What people and programs read: tables, lines, documents."""

from __future__ import annotations

import json
import re

from driver.errors import Refused
from driver.gates import Verdict
from driver.invocation import Invocation
from driver.journey import Journey, Taken
from driver.launches import explained
from driver.observe import observe
from driver.release.moves import Shift
from driver.report import document
from driver.report.show import show, show_failure
from driver.report.status import StatusView, status_lines
from driver.result import Result
from driver.verbs.status import summary
from infra.record import Intent, intent_text
from tests.driver.fakes import serving, world


def plain(lines):
    return [re.sub(r"\[/?[a-z]*\]", "", line) for line in lines]


def view(made):
    return StatusView("shop", observe(made.cloud, made.clock.now()))


def test_one_glance_says_who_serves_and_whether_all_is_well():
    made = world(serving("previous", held="2026-03-01T13:00:00Z"))
    lines = plain(status_lines(view(made), "prod"))
    assert lines[0] == "shop · prod · eu-central-1    record 5, 1 h ago by a test"
    assert lines[1].startswith("● blue   100 %  compose  shop:1 @000000")
    assert lines[1].endswith("2/2 healthy    serving")
    assert lines[2].endswith("previous, kept until 2026-03-01T13:00:00Z")
    assert lines[3] == "No transition, no drift."
    assert summary(view(made).seen) == ("steady", "blue serves, green is previous", ("verify", "rollback"))


def test_drift_and_a_pending_rollback_are_said():
    made = world(serving("previous"))
    made.cloud.move(blue=60)
    assert any("live weights are blue 60, green 40" in line for line in status_lines(view(made), "dev"))
    assert summary(view(made).seen)[0] == "drift"
    made.cloud.intent = intent_text(Intent(5, serving("previous"), who="anna", when="noon"))
    assert any("decided by anna at noon" in line for line in status_lines(view(made), "dev"))
    del made.cloud.forwarding["arn:rule/production"]
    assert view(made).facts()["weights"] is None
    assert "   ? %" in status_lines(view(made), "dev")[1]


def test_the_document_of_status_has_the_promised_fields():
    made = world(serving("candidate"))
    facts = view(made).facts()
    assert set(facts) >= {"record", "weights", "colors", "transition", "drift", "intent"}
    assert facts["weights"] == {"blue": 100, "green": 0}
    assert facts["colors"]["green"]["standing"] == "candidate"
    assert facts["colors"]["blue"]["healthy"] == 2
    json.dumps(facts)


def test_an_empty_stack_has_a_document_too():
    assert view(world()).facts()["record"] is None


def test_a_journey_is_a_document_with_steps_and_updates(capsys):
    verdict = Verdict("health", True, "2 of 2")
    journey = Journey("done", None, [Taken(Shift("green"), 1, 1.234, 0.0, (verdict,))])
    called = Invocation("dev", output="json", verb="promote")
    show(Result("promoted", "blue → green", ("status", "rollback"), facts=journey.facts(), body=journey), called)
    found = json.loads(capsys.readouterr().out)
    assert found["stack_updates"] == 1
    assert found["steps"][0]["weight"] == 100
    assert found["steps"][0]["update_seconds"] == 1.23
    assert found["next"] == "bluegreen -s dev status"
    assert found["alternatives"] == ["bluegreen -s dev rollback"]
    called.output = "table"
    show(Result("promoted", "blue → green", ("status",), facts=journey.facts(), body=journey), called)
    text = capsys.readouterr().out
    assert "health ✓" in text
    assert "promoted: blue → green" in text


def test_a_refusal_says_what_why_next(capsys):
    failure = Refused(
        "green has 2", "twice the load\nsecond line", ("deploy X --capacity 4", "status"), {"gate": "capacity"}
    )
    called = Invocation("prod", verb="promote")
    show_failure(failure, called)
    assert capsys.readouterr().err.splitlines() == [
        "refused: green has 2",
        "  why  twice the load",
        "       second line",
        "  next bluegreen -s prod deploy X --capacity 4   or   bluegreen -s prod status",
    ]
    found = document.of_failure(failure, called)
    assert (found["exit_code"], found["outcome"], found["gate"]) == (3, "refused", "capacity")


def test_an_arn_is_shown_as_it_is(capsys):
    made = world(serving("previous"))
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/db"
    made.cloud.ail("blue", 1)
    made.cloud.lost["blue-1-group"] = (f"boot failed at secrets: {arn} [not there]",)
    body = StatusView("shop", explained(made.cloud, view(made).seen))
    show(Result("steady", arn, body=body), Invocation("dev", verb="status"))
    assert capsys.readouterr().out.count(arn) == 2


def test_status_sends_no_one_to_promote_a_candidate_that_is_not_ready():
    made = world(serving())
    made.cloud.ail("green", 2)
    outcome, reason, advice = summary(view(made).seen)
    assert (outcome, advice[0]) == ("steady", "deploy shop:2")
    assert "0 of 2 targets healthy" in reason
