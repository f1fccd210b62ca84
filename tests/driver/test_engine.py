"""The engine: which one runs, what is answered without it, and a CLI that outlives its driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from driver.errors import Invalid
from driver.stack.engine import Answering, DetachedCli, command
from driver.stack.failures import classified
from driver.stack.lease import all_leases

SCRIPT = """#!/bin/sh
case "$*" in
  version) echo v3.272.0 ;;
  *lock*) echo "error: the stack is currently locked by 1 lock(s)" >&2; exit 255 ;;
  *slow*) trap 'echo stopped; echo INT >> "$MARK"; sleep 0.3; exit 130' INT; echo begun
          for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.1; done; echo done >> "$MARK" ;;
  *) echo "out $*"; echo "err" >&2 ;;
esac
"""


@pytest.fixture
def cli(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    monkeypatch.delenv("BLUEGREEN_ENGINE", raising=False)
    return tmp_path


def test_the_cli_on_path_is_taken_and_its_lines_arrive(cli):
    found = command()
    assert isinstance(found, DetachedCli)
    lines: list[str] = []
    result = found.run(["preview"], str(cli), {}, on_output=lines.append)
    assert lines == ["out --non-interactive preview"]
    assert (result.stderr, result.code) == ("err", 0)


def test_errors_keep_the_kinds_of_the_automation_api(cli):
    with pytest.raises(ConcurrentUpdateError):
        DetachedCli().run(["up", "lock"], str(cli), {})


@pytest.mark.parametrize("words", [["stack", "output", "--json"], ["stack", "history"], ["stack", "select", "dev"]])
def test_calls_that_nobody_reads_make_no_process(words):
    class Unused:
        version = None

        def run(self, *_):
            raise AssertionError("a process was made")

    assert Answering(Unused()).run(words, "/", {}).code == 0


def test_a_signal_is_passed_on_once_as_an_interrupt(cli):
    code = (
        "from driver.stack.engine import DetachedCli; from driver.interrupts import INTERRUPTS; INTERRUPTS.install()\n"
        "from pulumi.automation.errors import CommandError\n"
        "try: DetachedCli().run(['up', 'slow'], '/', {}, on_output=lambda line: print(line, flush=True))\n"
        "except CommandError: print('ended', INTERRUPTS.asked)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "begun\n"
    driver.send_signal(signal.SIGTERM)
    driver.send_signal(signal.SIGTERM)
    assert driver.communicate(timeout=20)[0] == "stopped\nended SIGTERM\n"
    assert (cli / "mark").read_text() == "INT\n"


@pytest.mark.slow
def test_the_cli_ends_its_operation_when_the_driver_is_killed(cli):
    code = (
        "from driver.stack.engine import DetachedCli\n"
        "DetachedCli().run(['up', 'slow'], '/', {}, on_output=lambda line: print(line, flush=True))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "begun\n"
    driver.kill()
    driver.communicate()
    deadline = time.monotonic() + 15
    while not (cli / "mark").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (cli / "mark").read_text() == "done\n"


def test_without_a_cli_the_embedded_engine_is_refused_for_real_aws(tmp_path):
    environ = {"PATH": str(tmp_path)}
    with pytest.raises(Invalid, match="CLI is missing") as caught:
        command(environ)
    assert "sandbox" in caught.value.why
    with pytest.raises(Invalid, match="CLI is missing"):
        command({**environ, "AWS_ENDPOINT_URL": "https://ssm.eu-central-1.amazonaws.com"})
    with pytest.raises(Invalid, match="CLI is missing"):
        command({**environ, "BLUEGREEN_ENGINE": "cli"})
    with pytest.raises(Invalid, match="no engine"):
        command({**environ, "BLUEGREEN_ENGINE": "steam"})


def test_a_cli_that_is_too_old_is_told(cli):
    script = cli / "bin" / "pulumi"
    script.write_text(SCRIPT.replace("v3.272.0", "v3.200.0"))
    with pytest.raises(Invalid, match="too old"):
        command()


def test_a_failing_call_is_an_error(cli):
    script = cli / "bin" / "pulumi"
    script.write_text('#!/bin/sh\n[ "$1" = version ] && echo v3.272.0 && exit 0\necho "error: no" >&2\nexit 1\n')
    with pytest.raises(CommandError, match="no"):
        command().run(["up"], str(cli), {})


@pytest.mark.parametrize(
    "said", ["PULUMI_BACKEND_URL must be set in non-interactive mode", "unknown backend cloudUrl format 's3://foo'"]
)
def test_a_backend_that_cannot_be_used_is_an_environment_that_cannot_work(said):
    assert classified(f"code: 255\nstderr: error: {said}\n", "").exit_code == 2


def test_the_lease_of_a_cli_that_was_killed_stays_as_a_proof(cli, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(cli / "home"))
    script = cli / "bin" / "pulumi"
    script.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo v3.272.0 && exit 0\n[ "$3" = die ] && kill -9 $$\nexit 1\n'
    )
    for word, left in (("fail", 0), ("die", 1)):
        with pytest.raises(CommandError):
            command().run(["up", word], str(cli), {})
        assert len(all_leases()) == left
