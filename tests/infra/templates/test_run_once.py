"""The script that runs a command of the release: in a container of its own, when the boot is far enough, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.templates import tools
from tests.infra.templates.machine import Ended, Machine
from tests.infra.templates.releases import FULL, PLACE

pytestmark = [tools.needs_linux, pytest.mark.slow]
IMAGE = f"docker image inspect {FULL.image}"
RUN = "run --rm --no-deps -T run-once"


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path, FULL, PLACE)
    made.unpack()
    (tmp_path / "bin/flock").symlink_to("/usr/bin/flock")
    return made


def once(machine: Machine, attempt: str, *words: str) -> Ended:
    return machine.run("/bin/bash", str(machine.path("/opt/bluegreen/release/run-once.sh")), attempt, *words)


def runs(ended: Ended) -> list[list[str]]:
    return [call[call.index("run-once") + 1 :] for call in ended.calls if "run" in call and "run-once" in call]


def test_it_runs_the_words_as_they_are_in_the_service_without_a_fixed_address(machine):
    ended = once(machine, "a1", "migrate", "--note", "it's $HOME; exit")
    assert ended.status == 0
    assert runs(ended) == [["migrate", "--note", "it's $HOME; exit"]]
    (call,) = (call for call in ended.calls if "run-once" in call)
    assert RUN in " ".join(call)
    assert call[call.index("--env-file") + 1] == "/opt/bluegreen/instance.env"


def test_it_waits_for_the_image_and_the_network(machine):
    machine.fails(IMAGE, times=2)
    machine.fails("docker network inspect bluegreen_default", times=1)
    ended = once(machine, "a1", "migrate")
    assert ended.status == 0
    assert [call[0] for call in ended.calls].count("sleep") == 3
    assert len(runs(ended)) == 1


def test_a_failure_is_its_exit_code_and_what_it_said(machine):
    machine.fails(f"docker compose * {RUN} *", "no such column", status=3)
    ended = once(machine, "a1", "migrate")
    assert (ended.status, "no such column" in ended.said) == (3, True)


def test_the_same_attempt_is_answered_again_and_another_runs_again(machine):
    machine.fails(f"docker compose * {RUN} *", "no such column", status=3, times=1)
    first, second, third = (
        once(machine, "a1", "migrate"),
        once(machine, "a1", "migrate"),
        once(machine, "a2", "migrate"),
    )
    assert (first.status, second.status, third.status) == (3, 3, 0)
    assert "no such column" in second.said
    assert (runs(second), len(runs(third))) == ([], 1)


def test_one_that_was_broken_off_is_not_run_again_by_itself(machine):
    kept: Path = machine.path("/var/log/bluegreen/run-once")
    kept.mkdir(parents=True)
    (kept / "a1.begun").touch()
    ended = once(machine, "a1", "migrate")
    assert (ended.status, runs(ended)) == (75, [])
    assert "broken off" in ended.said
