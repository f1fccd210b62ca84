"""`pulumi` by hand in a sandbox without Pulumi's CLI, in turns with `bluegreen` on one stack."""

import os
import signal
import subprocess

import pytest

from sandbox.lookalike import shim
from sandbox.project import stack_config
from sandbox.rehearsal.stage import staged
from tests.e2e.hand import Hand
from tests.e2e.play import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def hand():
    with staged(ROOT, "dev", 60, "shop:1.0.0") as stage:
        for tag in ("1.0.0", "2.0.0"):
            stage.push(f"shop:{tag}")
        yield Hand(stage)


def test_the_environment_finds_it_only_where_there_is_no_real_one(hand):
    home = hand.stage.home
    found = shim.exports(home, {"PATH": "/nowhere"})
    done = subprocess.run(
        ["sh", "-c", "command -v pulumi && pulumi version"],
        env={**hand.environ, **found, "PATH": found["PATH"] + ":/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    where, version = done.stdout.split()
    assert where == f"{home}/bin/pulumi"
    assert version.startswith("v3.")
    assert "not Pulumi's CLI" in done.stderr


def test_an_update_that_is_interrupted_ends_in_order_and_the_next_goes_on(hand):
    hand.pulumi("stack", "init", "dev")
    process = subprocess.Popen(
        [hand.program, "up", "--yes", "--skip-preview"],
        env=hand.environ,
        cwd=hand.stage.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "aws:ec2/vpc:Vpc" in line and "creating" in line:
            # As a terminal does on Ctrl-C: to everyone in the group.
            os.killpg(process.pid, signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait(30) == 1, "".join(said) + rest
    assert "error: update canceled" in rest
    assert "aws:ssm/parameter:Parameter" not in rest
    hand.pulumi("up", "--yes", "--skip-preview")
    assert hand.record()["generation"] == 1


def test_the_driver_and_the_hand_take_turns(hand):
    hand.run("deploy", "shop:2.0.0", "--promote")
    assert hand.weights() == {"blue": 0, "green": 100}
    assert "unchanged" in hand.pulumi("preview", "--expect-no-changes").out

    hand.set("activeColor", "blue")
    done = hand.pulumi("up", "--yes", "--diff").out
    assert '~ activeColor: "green" => "blue"' in done
    assert "~ weight: 0 => 100" in done
    assert "~ 3 updated" in done
    assert done.index("Previewing update (dev)") < done.index("Updating (dev)")
    status = hand.run("status").document
    assert status["weights"] == {"blue": 100, "green": 0}
    assert (status["outcome"], status["drift"], status["record"]["standby"]) == ("steady", [], "rejected")

    told = hand.run("history").document
    assert [entry["what"].partition(" shop")[0] for entry in told["entries"] if entry["generation"]][-1] == (
        "first deploy of"
    )
    assert told["entries"][0]["what"] == "rolled back: green → blue"
    assert told["entries"][0]["update"]["result"] == "succeeded"
    assert told["whole"]
    assert told["entries"][-1]["update"]["result"] == "failed"  # the one that was interrupted


def test_an_illegal_step_is_refused_with_one_clean_error(hand):
    before, colors = hand.record(), stack_config(hand.stage.project, "dev")["bluegreen:colors"]
    hand.run("sync")
    colors["blue"]["digest"] = "r000000000000"
    hand.set("colors", colors)
    try:
        ran = hand.pulumi("up", "--yes", expect=1)
    finally:
        hand.run("sync", expect=None)
    text = ran.out + ran.err
    assert text.count("error:") == 1, text
    assert "Traceback" not in text
    assert "Updating (dev)" not in text
    assert hand.record() == before


def test_the_doctor_finds_the_sandbox_in_order(hand):
    document = hand.run("doctor").document
    assert document["outcome"] == "healthy", document["checks"]
