"""The poller: workers run where the record says that this release is the active one, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.compose_release import Worker
from tests.infra.templates import tools
from tests.infra.templates.machine import Ended, Machine
from tests.infra.templates.releases import FULL, PLACE

pytestmark = [tools.needs_linux, pytest.mark.slow]
UP = [
    "--progress",
    "quiet",
    "--project-name",
    "bluegreen",
    "--profile",
    "active-only",
    "up",
    "--detach",
    "--no-deps",
    "--no-recreate",
]
START = ["docker", "compose", *UP, "--quiet-pull", "jobs", "mails"]
STOP = ["docker", "compose", *UP[:6], "stop", "jobs", "mails"]


def record(active: str, blue: int = 3, green: int = 2) -> str:
    return json.dumps({"activeColor": active, "colors": {"blue": {"fill": blue}, "green": {"fill": green}}})


def polled(root: Path, *records: str, fails: int = 0) -> tuple[Machine, Ended]:
    """Runs it for as many rounds as there are records; the first `fails` can't be read."""
    workers = (Worker("jobs", ("work",)), Worker("mails", ("mail",)))
    machine = Machine(root, replace(FULL, workers=workers), PLACE)
    machine.unpack()
    (root / "records").mkdir()
    for number, text in enumerate(records):
        (root / f"records/{number}").write_text(text)
    if fails:
        machine.fails("aws ssm *", "An error occurred (ThrottlingException)", times=fails)
    (root / "rounds").write_text(str(len(records) + fails))
    return machine, machine.serve("bluegreen-active.service")


def orders(ended: Ended) -> list[str]:
    assert all(call in (START, STOP) for call in ended.calls if call[0] == "docker"), ended.calls
    return ["start" if call == START else "stop" for call in ended.calls if call[0] == "docker"]


def test_it_reads_the_record_alone(tmp_path):
    _, ended = polled(tmp_path, record("blue"))
    [asked] = [call for call in ended.calls if call[0] == "aws"]
    assert asked == [
        *("aws", "ssm", "get-parameter", "--region", PLACE.region, "--name", "/bluegreen/shop/dev/record"),
        *("--query", "Parameter.Value", "--output", "text"),
    ]


def test_workers_follow_the_active_color(tmp_path):
    _, ended = polled(tmp_path, record("green"), record("blue"), record("blue"), record("green"))
    assert orders(ended) == ["stop", "start", "start", "stop"]
    assert [line.partition("workers are ")[2] for line in ended.said.splitlines()] == ["idle", "active", "idle"]


def test_instances_of_a_fill_that_is_gone_do_no_work(tmp_path):
    assert orders(polled(tmp_path, record("blue", blue=4))[1]) == ["stop"]


def test_a_record_that_cannot_be_read_changes_nothing(tmp_path):
    assert orders(polled(tmp_path, record("blue"), fails=2)[1]) == ["start"]


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"activeColor": "blue", "colors": {}}', "[]"])
def test_a_record_that_says_nothing_changes_nothing(tmp_path, text):
    assert orders(polled(tmp_path, record("blue"), text, record("blue"))[1]) == ["start", "start"]
