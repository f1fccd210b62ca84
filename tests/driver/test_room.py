"""A disk that takes nothing more: told as what it is, with nothing touched or with a way on."""

from __future__ import annotations

import errno
import os

import pytest

from driver.checkout import Checkout
from driver.errors import Failure, Invalid, Unfinished
from driver.release.requests import Deploy, Promote
from driver.room import Unwritable, writing
from driver.stack.failures import Unsaved, UpdateFailed, classified
from driver.transition import Limits, carry_out
from infra.record import Deployed
from tests.driver.fakes import release, serving, world

LIMITS = Limits(timeout=600, lock=30)
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/state/dev.json")
SAID = (
    "the state could not be saved: [Errno 28] No space left on device; what is in progress ends",
    "the state could not be saved: [Errno 27] File too large",
    'error: saving checkpoint: blob (key "dev.json"): write /state/dev.json: no space left on device',
    "error: write /state/.pulumi/locks/x.json: disk quota exceeded",
    "error: open /state/.pulumi/locks/x.json: read-only file system",
    "error: write /state/dev.json: file too large",
)


@pytest.mark.parametrize("said", SAID)
def test_where_nothing_was_touched_it_is_an_environment_that_cannot_work(said):
    for blame, text in ((said, "code: 255"), ("", f"code: 255\n stderr: {said}\n")):
        failure = classified(text, blame)
        assert (type(failure), failure.exit_code) == (Unwritable, 2)
        assert failure.what == "the stack's state can't be saved"
        assert said.removeprefix("error: ") in failure.why
        assert failure.next == ("$ df -h", "status")


def test_an_update_that_had_begun_is_unfinished():
    failure = classified("code: 255", SAID[0], touched=True)
    assert (failure.exit_code, failure.outcome) == (6, "unfinished")
    assert failure.next[0] == "up"


def test_what_aws_calls_too_large_is_no_matter_of_the_disk():
    failure = classified("", "green-6-template: InvalidUserData.Malformed: user data: file too large for a template")
    assert type(failure) is UpdateFailed


def test_a_promotion_that_can_not_save_ends_with_2_and_moves_nothing():
    made = world(serving("candidate"))
    made.stack.failing = classified("", SAID[0])
    with pytest.raises(Unwritable) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 2
    assert made.cloud.live() == {"blue": 100, "green": 0}


def test_a_fill_that_stops_half_way_is_not_called_the_releases_fault():
    made = world(serving("empty"))
    made.stack.failing = classified("", SAID[0], touched=True)
    with pytest.raises(Unsaved):
        carry_out(made.ports, Deploy(release("2")), LIMITS)


@pytest.mark.parametrize("touched", [False, True])
def test_traffic_that_has_moved_before_it_goes_back(touched):
    made = world(serving("candidate"))
    made.stack.torn = [classified("", SAID[0], touched=touched) for _ in range(2)]
    with pytest.raises(Unsaved, match="was put back") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 6
    assert made.cloud.live() == {"blue": 100, "green": 0}


def test_in_the_middle_of_a_shift_it_is_unfinished_whatever_was_touched():
    made = world(serving("candidate"))
    made.clock.ticks.append(lambda: setattr(made.stack, "failing", classified("", SAID[0])))
    with pytest.raises(Unfinished) as caught:
        carry_out(made.ports, Promote(weights=(10,), bake=60, gates={"requests": "off"}), LIMITS)
    assert "can't be saved" in caught.value.why
    assert caught.value.next[:2] == ("resume", "rollback")


def test_a_checkout_that_can_not_be_written_does_not_undo_what_is_deployed(monkeypatch):
    made = world(serving("candidate"))

    def refused(_):
        with writing("Pulumi.dev.yaml"):
            raise FULL

    monkeypatch.setattr(made.stack, "adopt", refused)
    carry_out(made.ports, Promote(), LIMITS)
    assert made.record.active == "green"
    (told,) = [line for line in made.said if "can't be written" in line]
    assert "No space left on device" in told
    assert "`sync`" in told


@pytest.mark.parametrize("call", ["mkdtemp", "mkstemp"])
def test_the_checkout_names_what_it_could_not_write(tmp_path, monkeypatch, call):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    checkout = Checkout(tmp_path, "dev")

    def full(*_, **__):
        raise FULL

    monkeypatch.setattr(f"tempfile.{call}", full)
    with pytest.raises(Invalid, match=r"own config|Pulumi\.dev\.yaml") as caught:
        if call == "mkstemp":
            checkout.adopt(Deployed(serving(), 7))
        else:
            with checkout.private():
                pass
    assert caught.value.why == "No space left on device (/state/dev.json)"


def test_other_trouble_stays_what_it_is():
    with pytest.raises(OSError, match="refused") as caught, writing("this"):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    assert not isinstance(caught.value, Failure)
