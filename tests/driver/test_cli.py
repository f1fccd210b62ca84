"""The command line: help, shared options, exit codes, the one document."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from driver.cli import VERBS, cli
from driver.ending import ended
from driver.report.commands import commands


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  aws:region: eu-central-1\n  bluegreen:image: shop:1\n"
        "  bluegreen:drain: never\n  bluegreen:hodl: 1\n"
    )
    for name in ("BLUEGREEN_STACK", "BLUEGREEN_OUTPUT", "BLUEGREEN_YES", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEGREEN_PROJECT", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return tmp_path


@pytest.fixture(autouse=True)
def _signals(monkeypatch):
    monkeypatch.setattr("driver.interrupts.INTERRUPTS.install", lambda: None)


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after some code."""
    script = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_process_that_has_said_all_ends_without_looking_for_garbage():
    script = """
import driver.ending
from driver.cli import main

class Garbage:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("collected")

def ended(cli, words):
    Garbage()
    print("said")
    return 3

driver.ending.ended = ended
main()
"""
    done = subprocess.run([sys.executable, "-c", script, "status"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("said\n", "", 3)


def test_garbage_is_not_looked_for_while_modules_load_and_is_in_a_driver_that_lives_long():
    script = """
import gc
import driver.ending
from driver.cli import main

def looked():
    return sum(generation["collections"] for generation in gc.get_stats())

def ended(cli, words):
    before = looked()
    kept = [[] for _ in range(300_000)]
    print(looked() - before)
    kept += [[] for _ in range(300_000)]
    print(looked() - before)

driver.ending.ended = ended
main()
"""
    done = subprocess.run([sys.executable, "-c", script, "status"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


def test_help_imports_nothing_but_click():
    heavy = {"pulumi", "boto3", "botocore", "rich", "ruamel", "pydantic", "infra", "tenacity", "grpc", "sandbox"}
    assert not loaded("import driver.cli") & heavy


def test_a_rollback_imports_no_pulumi_before_the_traffic_has_moved():
    code = "import driver.cli, driver.ending, driver.verbs.rollback, driver.session, driver.urgent"
    assert not loaded(code) & {"pulumi", "pulumi_aws", "boto3", "rich", "pydantic", "tenacity", "grpc"}


def test_status_needs_no_pulumi():
    assert not loaded("import driver.verbs.status, driver.session, driver.observe") & {"pulumi", "grpc", "boto3"}


@pytest.mark.parametrize("verb", [verb for verb, (where, _) in VERBS.items() if where.startswith("driver.")])
def test_every_verb_of_the_table_is_there_and_has_help(verb, capsys):
    assert ended(cli, [verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["frob"], "No such command"),
        (["-s", "dev", "deploy"], "Missing argument"),
        (["-s", "dev", "promote", "--gate", "luck=off"], "NAME=off"),
        (["-s", "dev", "retire", "--timeout", "soon"], "no duration"),
        (["-s", "dev", "--yes", "deploy", "Bad Image"], "can't be deployed"),
        (["-s", "dev", "--yes", "deploy", "shop"], "can't be deployed"),
        (["--yes", "promote"], "name the stack"),
        (["-s", "dev", "promote"], "needs --yes"),
        (["-s", "prod", "status"], "unknown stack"),
        (["-s", "dev", "status"], "can't be reached"),
        (["-s", "dev", "config", "validate"], "2 mistakes"),
    ],
)
def test_what_cannot_work_is_exit_2_with_a_reason_and_a_next_command(project, capsys, words, what):
    assert ended(cli, ["--output", "json", *words]) == 2
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["schema"] == 1
    assert document["exit_code"] == 2
    assert what in document["what"] + document["why"]
    assert document["reason"]
    assert "next" in document


def test_for_people_the_same_goes_to_standard_error(project, capsys):
    assert ended(cli, ["-s", "dev", "config", "validate"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "invalid: the settings have 2 mistakes"
    assert "bluegreen:drain" in captured.err
    assert "bluegreen:hodl" in captured.err
    assert captured.err.splitlines()[-1].startswith("  next bluegreen -s dev ")


def test_options_come_from_the_environment_too(project, capsys, monkeypatch):
    monkeypatch.setenv("BLUEGREEN_STACK", "dev")
    monkeypatch.setenv("BLUEGREEN_OUTPUT", "json")
    assert ended(cli, ["config", "validate"]) == 2
    assert json.loads(capsys.readouterr().out)["stack"] == "dev"


def test_without_credentials_nothing_is_tried(project, capsys, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(project))
    assert ended(cli, ["-s", "dev", "status"]) == 2
    assert "no AWS credentials" in capsys.readouterr().err


def test_a_fault_of_ours_is_exit_1_and_no_traceback(project, capsys, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("driver.verbs.status.Session", broken)
    assert ended(cli, ["-s", "dev", "status"]) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in error
    assert "Traceback" not in error


def test_hints_are_commands_that_exist():
    hints = (
        "promote",
        "$ docker push x",
        "logs blue",
        "-s dev status",
        "--project DIR status",
        "frobnicate",
        "rollback --now",
    )
    assert commands(hints, "prod") == (
        "bluegreen -s prod promote",
        "docker push x",
        "bluegreen -s prod logs blue",
        "bluegreen -s dev status",
        "bluegreen --project DIR status",
        "bluegreen -s prod rollback --now",
    )


def test_completion_prints_a_script(capsys):
    assert ended(cli, ["completion", "bash"]) == 0
    assert "_BLUEGREEN_COMPLETE" in capsys.readouterr().out


def test_who_says_no_is_refused_and_nothing_is_tried(project, capsys, monkeypatch):
    monkeypatch.setattr("driver.invocation.Invocation.interactive", property(lambda _: True))
    monkeypatch.setattr("driver.session.Session.known_account", lambda _: "111122223333")
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert ended(cli, ["-s", "dev", "promote"]) == 3
    assert "not agreed" in capsys.readouterr().err


def test_a_stack_file_whose_config_is_a_list_is_an_environment_that_cannot_work(project, capsys):
    (project / "Pulumi.dev.yaml").write_text("config:\n  - a\n")
    assert ended(cli, ["-s", "dev", "status"]) == 2
    assert "not a mapping" in capsys.readouterr().err


def test_an_endpoint_that_is_no_address_is_an_environment_that_cannot_work(project, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "foo")
    assert ended(cli, ["-s", "dev", "status"]) == 2
    assert "Invalid endpoint: foo" in capsys.readouterr().err


def test_a_shared_option_behind_the_verb_is_told_where_it_belongs(project, capsys):
    assert ended(cli, ["-s", "dev", "up", "--yes"]) == 2
    said = capsys.readouterr().err
    assert "before `up`" in said
    assert "next bluegreen -s dev --yes up" in said
