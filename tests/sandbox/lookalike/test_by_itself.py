"""The look-alike on programs of its own, without a sandbox: nothing here needs a provider."""

import io
import os
import sys

import pytest

from sandbox.lookalike.command import main

pytestmark = pytest.mark.slow  # each run starts the program in a Python of its own

PROGRAM = """
import os, sys, pulumi
how = pulumi.Config().get("how")
print("a word from the program")
pulumi.export("port", 80)
pulumi.export("secret", pulumi.Output.secret("hush"))
if how == "raise":
    raise ValueError("boom")
if how == "refuse":
    pulumi.log.error("refused: not that way")
    sys.exit(32)
if how == "run-error":
    raise pulumi.RunError("a run error")
if how == "exit":
    sys.exit(3)
if how == "input":
    input()
if how == "signal":
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def pulumi(tmp_path, monkeypatch, capfd):
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "state").mkdir()
    (project / "Pulumi.yaml").write_text("name: words\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "BLUEGREEN_"))},
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_HOME": str(tmp_path / "home"),
    }
    monkeypatch.chdir(project)

    def run(*args, expect=0, typed=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capfd.readouterr()
        code = main(args, environ)
        out, err = capfd.readouterr()
        assert code == expect, out + err
        return out, err

    run("stack", "init", "dev")
    return run


def test_it_says_what_it_is_before_anything_else_and_keeps_standard_output_clean(pulumi):
    out, err = pulumi("version")
    assert out.startswith("v3.")
    assert err.splitlines()[0].endswith("not Pulumi's CLI")


def test_a_preview_changes_nothing_and_an_update_keeps_what_it_made(pulumi):
    out, _ = pulumi("preview")
    assert "+ 1 to create" in out
    assert "a word from the program" in out
    assert pulumi("stack", "output")[0].startswith("Current stack outputs (0)")
    out, _ = pulumi("up", "--yes")
    assert out.index("Previewing update (dev):") < out.index("Updating (dev):")
    assert "+ 1 created" in out
    assert "hush" not in out
    assert pulumi("stack", "output", "port")[0] == "80\n"
    assert pulumi("up", "-yf", "--expect-no-changes")[0].count("Previewing") == 0
    assert "1 unchanged" in pulumi("refresh", "--yes")[0]
    out, _ = pulumi("destroy", "--yes")
    assert "- 1 deleted" in out
    assert "pulumi stack rm dev" in out
    pulumi("stack", "rm", "--yes")


@pytest.mark.parametrize(("verb", "code"), [("up", 2), ("refresh", 1), ("destroy", 2)])
def test_off_a_terminal_nothing_is_done_that_was_not_agreed_to(pulumi, verb, code):
    _, err = pulumi(verb, expect=code)
    assert "must be passed in to proceed when running in non-interactive mode" in err.splitlines()[-1]
    assert pulumi("stack", "history")[0] == ""


@pytest.mark.parametrize(
    ("how", "errors"),
    [
        ("raise", ["error: Program failed with an unhandled exception:"]),
        ("refuse", ["error: refused: not that way"]),
        (
            "run-error",
            [
                "error: a run error",
                "error: an unhandled error occurred: program exited with non-zero exit code: 1",
            ],
        ),
        ("exit", ["error: an unhandled error occurred: program exited with non-zero exit code: 3"]),
        ("input", ["error: Program failed with an unhandled exception:"]),
        ("signal", ["error: an unhandled error occurred: program was ended by signal 9"]),
    ],
)
def test_a_program_that_fails_is_told_in_the_real_cli_s_words_and_changes_nothing(pulumi, how, errors):
    pulumi("config", "set", "how", how)
    out, _ = pulumi("up", "--yes", expect=1)
    found = [line.strip() for line in out.splitlines() if line.strip().startswith("error:")]
    assert found == errors
    assert "Updating" not in out
    if how == "raise":
        trace = out[out.index("Traceback") :]
        assert "ValueError: boom" in trace
        assert "lookalike" not in trace
        assert "runpy" not in trace


def test_a_value_is_read_from_standard_input(pulumi):
    pulumi("config", "set", "how", typed="-dashed\n")
    assert pulumi("config", "get", "how")[0] == "-dashed\n"
    pulumi("config", "set", "--secret", "key", typed="hush")
    assert "hush" not in pulumi("config")[0]
    assert pulumi("config", "get", "key")[0] == "hush\n"


def test_an_exported_state_goes_back_in(pulumi):
    pulumi("up", "-yf")
    exported, _ = pulumi("stack", "export")
    pulumi("destroy", "-yf")
    pulumi("stack", "import", typed=exported)
    assert pulumi("stack", "output", "port")[0] == "80\n"


def test_no_sandbox_no_work(pulumi, monkeypatch):
    code = main(["stack", "ls"], {"AWS_ENDPOINT_URL": "https://ssm.eu-central-1.amazonaws.com"})
    assert code == 1
