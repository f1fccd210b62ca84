"""The record through the command line: lost, corrupt, foreign, edited by hand, based on an old copy."""

import json

import pytest

from sandbox.project import drop_config, set_config, stack_config
from tests.e2e.play import RECORD, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def play():
    with played() as play:
        play.run("deploy", "shop:2.0.0")
        yield play


@pytest.fixture
def ssm(play):
    """The parameter store; what a test did to the record and the stack's file is taken back after it."""
    client = play.ssm
    file = play.stage.project / "Pulumi.dev.yaml"
    before, text = client.get_parameter(Name=RECORD)["Parameter"]["Value"], file.read_text()
    weights = play.weights()
    yield client
    client.put_parameter(Name=RECORD, Value=before, Type="String", Overwrite=True)
    file.write_text(text)
    assert play.weights() == weights


def put(ssm, **changes):
    record = {**json.loads(ssm.get_parameter(Name=RECORD)["Parameter"]["Value"]), **changes}
    ssm.put_parameter(Name=RECORD, Value=json.dumps(record), Type="String", Overwrite=True)


def test_a_corrupt_record_is_told_and_nothing_moves(play, ssm):
    ssm.put_parameter(Name=RECORD, Value="{", Type="String", Overwrite=True)
    for verb in ("promote", "rollback", "up", "preview", "status"):
        ran = play.run(verb, expect=2)
        assert "JSON" in ran.document["reason"], ran
        assert ran.document["next"]


def test_a_record_of_another_account_is_refused(play, ssm):
    put(ssm, account="111122223333")
    for verb in ("promote", "rollback", "up"):
        assert "111122223333" in play.run(verb, expect=2).document["reason"]


def test_a_lost_record_is_refused_and_can_be_made_again(play, ssm):
    ssm.delete_parameter(Name=RECORD)
    assert play.run("up", expect=None).code in (2, 3)
    refused = play.run("promote", expect=None)
    assert refused.code in (2, 3)
    assert "sync --from-live" in json.dumps(refused.document) + json.dumps(play.run("up", expect=None).document)
    play.run("sync", "--from-live")
    play.run("up")
    found = json.loads(ssm.get_parameter(Name=RECORD)["Parameter"]["Value"])
    assert (found["activeColor"], found["standby"]) == ("blue", "candidate")
    assert play.run("status", "--exit-code").code == 0


def test_an_illegal_step_by_hand_is_refused(play, ssm):
    project = play.stage.project
    colors = stack_config(project, "dev")["bluegreen:colors"]
    colors["blue"]["image"] = colors["green"]["image"]
    set_config(project, "dev", "bluegreen:colors", colors)
    ran = play.run("up", expect=3)
    assert "blue" in ran.document["reason"]


def test_an_edit_on_an_old_basis_is_overtaken(play, ssm):
    project = play.stage.project
    set_config(project, "dev", "bluegreen:basedOn", "g1-000000")
    set_config(project, "dev", "bluegreen:activeColor", "green")
    ran = play.run("up", expect=3)
    assert ran.document["next"]


def test_an_edit_without_a_basis_is_refused(play, ssm):
    project = play.stage.project
    drop_config(project, "dev", "bluegreen:basedOn")
    set_config(project, "dev", "bluegreen:activeColor", "green")
    assert play.run("up", expect=None).code in (3, 5)


def test_a_checkout_without_record_keys_changes_nothing(play, ssm):
    for key in ("activeColor", "standby", "colors", "basedOn"):
        drop_config(play.stage.project, "dev", f"bluegreen:{key}")
    assert play.run("preview").document["outcome"] == "no changes"
    play.run("sync")
    assert stack_config(play.stage.project, "dev")["bluegreen:activeColor"] == "blue"


def test_settings_changed_in_the_checkout_leave_a_filled_color_alone(play, ssm):
    balancer = {**stack_config(play.stage.project, "dev")["bluegreen:compose"], "instanceType": "t3.large"}
    set_config(play.stage.project, "dev", "bluegreen:compose", balancer)
    before = {instance["id"] for instance in play.stage.state()["instances"]}
    document = play.run("preview").document
    assert document["outcome"] == "no changes", document
    play.run("up")
    assert {instance["id"] for instance in play.stage.state()["instances"]} == before


def test_an_intent_that_another_driver_left_is_finished_by_any_update(play):
    """Runs last: it moves the stack on."""
    deployed = play.record()
    play.run("promote")
    # As a rollback leaves it that died right after it had moved the traffic and written the intent.
    process = play.start("rollback", BLUEGREEN_TRACEBACK="1")
    play.wait(lambda: play.weights()["blue"] == 100, "the rollback never moved the traffic")
    process.kill()
    process.communicate()
    play.run("up")
    assert play.weights() == {"blue": 100, "green": 0}
    after = play.record()
    assert (after["activeColor"], after["standby"]) == ("blue", "rejected")
    assert after["generation"] > deployed["generation"]
    assert play.run("status", "--exit-code").document["exit_code"] == 0
