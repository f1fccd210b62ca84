"""A stack that its program has moved ahead of: refused where a release needs what only a whole update makes."""

from __future__ import annotations

import pytest

from driver.errors import Unfinished
from driver.release.requests import Deploy, Promote
from driver.stack.failures import Behind, classified
from driver.transition import Limits, carry_out
from tests.driver.fakes import release, serving, world

LIMITS = Limits(timeout=600, lock=30)
URN = "urn:pulumi:prod::shop::bluegreen:index:{}$aws:{}::{}"
FLEET = URN.format("Fleet", "autoscaling/group:Group", "green-6-group")
SECRET = URN.format("Secrets", "secretsmanager/secret:Secret", "secret-API_KEY")
WANTS = f"Resource '{FLEET}' depends on '{SECRET}' which was was not specified in --target list."
LEAVES = (
    f"Resource '{SECRET}' will be destroyed but was not specified in --target list.\n"
    "Either include resource in --target list or pass --target-dependents to proceed."
)


@pytest.mark.parametrize(("said", "what"), [(WANTS, "is not there yet"), (LEAVES, "is there and not wanted any more")])
def test_the_engines_words_become_a_refusal_that_names_up(said, what):
    for blame, text in ((f"green-6-group: {said}", ""), ("", f"code: 255\n stderr: error: {said}\n")):
        failure = classified(text, blame)
        assert (type(failure), failure.exit_code, failure.next[0]) == (Behind, 3, "up")
        assert failure.why.startswith(f"secret-API_KEY (aws:secretsmanager/secret:Secret) {what}")
        assert "was begun" not in failure.why


def test_it_says_what_was_begun():
    assert "nothing that serves was touched" in classified("", WANTS, touched=True).why


def test_a_deploy_is_refused_and_not_called_a_failed_fill():
    made = world(serving("empty"))
    made.stack.failing = classified("", WANTS, touched=True)
    with pytest.raises(Behind):
        carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert made.cloud.live() == {"blue": 100, "green": 0}


def test_in_the_middle_of_a_shift_up_comes_before_resume():
    made = world(serving("candidate"))
    made.clock.ticks.append(lambda: setattr(made.stack, "failing", classified("", WANTS)))
    with pytest.raises(Unfinished) as caught:
        carry_out(made.ports, Promote(weights=(10,), bake=60, gates={"requests": "off"}), LIMITS)
    assert caught.value.next == ("up", "resume", "rollback")
