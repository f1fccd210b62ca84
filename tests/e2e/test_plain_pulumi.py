"""What plain `pulumi up`, `refresh` and `destroy` do in each state: the lines of docs/operations.md, one by one."""

import json
import shutil
import signal

import pytest

from sandbox.rehearsal.stage import staged
from tests.e2e.hand import Hand
from tests.e2e.play import ROOT
from tests.e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SHIFT = ("promote", "--again", "--weights", "10,50", "--bake", "3m", "--gate", "requests=off")
BLUE, TENTH, HALF, GREEN = ({"blue": 100 - share, "green": share} for share in (0, 10, 50, 100))
REAL = shutil.which("pulumi")
CLIS = [
    pytest.param(None, id="look-alike"),
    pytest.param(REAL, id="cli", marks=[pytest.mark.cli, pytest.mark.skipif(not REAL, reason="no pulumi on PATH")]),
]


@pytest.fixture(scope="module", params=CLIS)
def hand(request):
    with staged(ROOT, "dev", 60, "shop:1.0.0") as stage:
        for tag in ("1.0.0", "2.0.0", "3.0.0"):
            stage.push(f"shop:{tag}")
        hand = Hand(stage, request.param)
        hand.set("protect", True)
        hand.run("up")
        hand.run("deploy", "shop:2.0.0")
        yield hand


@pytest.fixture(autouse=True)
def blue_serves(hand):
    """Where each test begins, whatever the one before came to."""
    if look(hand)[0] != BLUE or hand.record().get("transition"):
        hand.run("rollback")


def look(hand):
    return hand.weights(), hand.record()


def destroy_is_refused(hand, *ways):
    """Where `bluegreen:protect` is on, whatever the state, and before anything is deleted: no preview has to say so."""
    before, there = look(hand), resources(hand)
    for words in ways or (("--skip-preview",),):
        ran = hand.pulumi("destroy", "--yes", *words, expect=None)
        assert ran.code not in (0, -9), ran
        assert "protect" in ran.out + ran.err
        assert look(hand) == before
        assert resources(hand) == there, words


def resources(hand):
    """What the stack's state holds; all that it depends on is there."""
    state = json.loads((hand.stage.home / "state/.pulumi/stacks/shop/dev.json").read_text())
    latest = state["checkpoint"]["latest"]
    assert not latest.get("pending_operations"), latest
    found = {one["urn"]: one.get("id") for one in latest["resources"]}
    assert not {urn for one in latest["resources"] for urn in one.get("dependencies", ())} - found.keys()
    return found


def refresh_moves_nothing(hand):
    before = look(hand)
    hand.pulumi("refresh", "--yes", "--skip-preview")
    assert look(hand) == before


def up(hand, expect=0):
    return hand.pulumi("up", "--yes", "--skip-preview", expect=expect)


def steady_on(hand, weights):
    seen = hand.run("status", "--exit-code").document
    assert (seen["weights"], seen["transition"], seen["intent"], seen["drift"]) == (weights, None, None, []), seen


def moved_by_hand(hand, green):
    elb, rule = hand.client("elbv2"), hand.record()["rules"]["production"]
    action = elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]
    of = {arn: color for color, groups in hand.record()["targetGroups"].items() for arn in groups.values()}
    for group in action["ForwardConfig"]["TargetGroups"]:
        group["Weight"] = green if of[group["TargetGroupArn"]] == "green" else 100 - green
    elb.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "ForwardConfig": action["ForwardConfig"]}])
    hand.wait(lambda: hand.weights()["green"] == green, "the weights never moved")


def half_finished(hand, *argv):
    """An update that moves the rule and does not come as far as the record."""
    fault = {"name": "api-failing", "service": "ssm", "operation": "PutParameter", "amount": 1, "seconds": 36000}
    hand.stage.post("fault", fault)
    try:
        ran = hand.pulumi("up", "--yes", "--skip-preview", *argv, expect=None)
    finally:
        hand.stage.post("fault", {"name": "clear"})
    assert ran.code != 0, ran


def test_steady(hand):
    before = look(hand)
    destroy_is_refused(hand, (), ("--skip-preview",))
    refresh_moves_nothing(hand)
    up(hand)
    assert look(hand) == before


def test_a_release_that_replaced_another_is_guarded_as_that_was(hand):
    def parts():
        names = {urn.rpartition("::")[2] for urn in resources(hand)}
        return {name for name in names if name.startswith("green-") and name.endswith("-part")}

    was = hand.record()["colors"]["green"]["fill"]
    hand.run("deploy", "shop:3.0.0", "--end-hold")
    now = hand.record()["colors"]["green"]["fill"]
    assert was != now
    assert parts() == {f"green-{now}-part", "green-compose-part", "green-fargate-part"}
    destroy_is_refused(hand)


def test_a_shift_under_way_goes_on_beside_them(hand):
    shift = Running.of(hand.start(*SHIFT[:-4], "--bake", "8m", *SHIFT[-2:]))
    shift.until("10 % on green: health")
    # It stands still for as long as that takes here: in a bake it holds no lock.
    shift.process.send_signal(signal.SIGSTOP)
    destroy_is_refused(hand)
    refresh_moves_nothing(hand)
    assert hand.record()["transition"]
    up(hand)
    shift.process.send_signal(signal.SIGCONT)
    end = shift.ended()
    assert end.code == 0, end
    steady_on(hand, GREEN)


def test_a_paused_shift_stays_where_it_is(hand):
    hand.run(*SHIFT, "--pause-after", "10")
    before = look(hand)
    destroy_is_refused(hand)
    refresh_moves_nothing(hand)
    up(hand)
    assert look(hand) == before
    assert before[0] == TENTH
    hand.run("resume")
    steady_on(hand, GREEN)


def test_a_rollback_whose_driver_died_is_finished_by_up_alone(hand):
    hand.run("promote", "--again")
    generation = hand.record()["generation"]
    # As of a driver that was killed as soon as the traffic had moved.
    back = Running.of(hand.start("rollback"))
    back.until("making it the record")
    back.process.kill()
    back.ended()
    assert hand.record()["generation"] == generation, "it was killed too late"
    assert hand.weights() == BLUE
    hand.wait(lambda: not list((hand.stage.home / "state/.pulumi/locks").rglob("*.json")), "the lock stayed")
    destroy_is_refused(hand)
    refresh_moves_nothing(hand)
    assert hand.run("status").document["outcome"] == "rolling back"
    up(hand)
    steady_on(hand, BLUE)


def test_up_settles_drift_only_after_a_refresh(hand):
    hand.run("sync")
    moved_by_hand(hand, 30)
    before = look(hand)
    destroy_is_refused(hand)
    up(hand)
    assert look(hand) == before, "Pulumi believes its state"
    refresh_moves_nothing(hand)
    up(hand)
    steady_on(hand, BLUE)


def test_a_half_finished_update_of_ones_own_is_finished_by_up(hand):
    hand.run("sync")
    hand.set("activeColor", "green")
    half_finished(hand)
    assert look(hand)[0] == GREEN
    assert hand.record()["activeColor"] == "blue"
    destroy_is_refused(hand)
    refresh_moves_nothing(hand)
    up(hand)
    steady_on(hand, GREEN)


def test_a_half_finished_update_of_someone_else_is_taken_back_by_up(hand):
    """The record that it wanted lay in a config of its own, as a driver's does."""
    hand.run("sync")
    file = hand.stage.project / "Pulumi.dev.yaml"
    was = file.read_text()
    hand.set("activeColor", "green")
    half_finished(hand)
    file.write_text(was)
    assert look(hand)[0] == GREEN
    assert hand.run("status").document["outcome"] == "drift"
    destroy_is_refused(hand)
    refresh_moves_nothing(hand)
    up(hand)
    steady_on(hand, BLUE)


def test_destroy_takes_down_an_unprotected_stack_in_any_state_and_leaves_what_no_stack_made(hand):
    hand.set("protect", False)
    up(hand)
    hand.run("freeze", "the end")
    moved_by_hand(hand, 30)
    hand.pulumi("destroy", "--yes", "--skip-preview")
    left = hand.ssm.get_parameters_by_path(Path="/bluegreen/shop/dev", Recursive=True)["Parameters"]
    assert [one["Name"].rpartition("/")[2] for one in left] == ["freeze"]
    assert hand.run("status").document["outcome"] == "lost"
    up(hand, expect=None)
    hand.run("destroy")
