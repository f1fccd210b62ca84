"""The engine at a prompt, running a project's own program."""

from __future__ import annotations

import io
import sys

import pytest

from sandbox.engine import byhand
from tests.sandbox.engine.fuzz import FuzzProvider

PROGRAM = """
import pulumi

class Thing(pulumi.CustomResource):
    pass

if __name__ == "__main__":
    import beside
    Thing("fuzz:index:Thing", "a", {"keep": beside.KEEP})
    pulumi.export("keep", beside.KEEP)
"""


@pytest.fixture
def prompt(embedded, monkeypatch, capsys):
    (embedded.project / "__main__.py").write_text(PROGRAM)
    (embedded.project / "beside.py").write_text("KEEP = 1\n")
    monkeypatch.chdir(embedded.project)

    def run(*args: str, answer: str = "") -> tuple[int, str]:
        terminal = io.StringIO(answer)
        terminal.isatty = lambda: bool(answer)  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.delitem(sys.modules, "beside", raising=False)
        code = byhand.main(list(args), {"fuzz": lambda: FuzzProvider(embedded.world)}, embedded.env)
        told = capsys.readouterr()
        return code, told.out + told.err

    assert run("stack", "init", "dev")[0] == 0
    return run


def test_it_asks_before_it_changes_anything(prompt, embedded):
    code, told = prompt("up", answer="no\n")
    assert code == 0
    assert "+ 2 to create" in told
    assert "Do you want to perform this update?" in told
    assert embedded.things() == {}
    code, told = prompt("up", answer="yes\n")
    assert (code, len(embedded.things())) == (0, 1)
    assert "+ 2 created" in told
    assert prompt("stack", "output", "keep")[1] == "1\n"
    assert prompt("destroy", answer="no\n")[0] == 0
    assert len(embedded.things()) == 1
    assert prompt("destroy", "--yes")[0] == 0
    assert embedded.things() == {}


def test_off_a_terminal_it_needs_to_be_told(prompt, embedded):
    code, told = prompt("up")
    assert code == 1
    assert "--yes must be passed in to proceed" in told
    assert prompt("preview")[0] == 0
    assert embedded.things() == {}


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import pulumi; raise pulumi.RunError('not now')", "error: not now"),
        ("raise SystemExit(3)", "program exited with non-zero exit code: 3"),
        ("import pulumi, sys; pulumi.log.error('said so'); sys.exit(32)", "error: said so"),
    ],
)
def test_a_program_that_fails(prompt, embedded, program, told):
    (embedded.project / "__main__.py").write_text(program)
    code, text = prompt("up", "--yes")
    assert code == 1
    assert told in text


def test_a_project_without_a_program(prompt, embedded):
    (embedded.project / "__main__.py").unlink()
    code, told = prompt("preview")
    assert code == 1
    assert "could not find the program" in told
