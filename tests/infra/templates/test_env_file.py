"""What is written for Compose is what Compose reads."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.env_file import RESERVED, UnfitVariable, refusal, rendered
from tests.infra.templates import tools

FETCH = runpy.run_path(str(Path(__file__).parents[3] / "infra/templates/fetch_secrets.py"))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: not name.startswith("BLUEGREEN_") and name not in RESERVED
)
# All that text can hold, with much of what has a meaning somewhere between an environment file and a shell.
VALUES = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), st.sampled_from("$\\\"'`#{}= \n\r\t:%!")
    )
)
ENVIRONMENTS = st.dictionaries(NAMES, VALUES, max_size=30)
NASTY = {
    "QUOTES": 'it\'s "quoted"',
    "DOLLARS": "$HOME ${HOME} $$ $(id) \\$x",
    "HASH": "v #x#y",
    "EDGES": "  both  ",
    "EMPTY": "",
    "BACKSLASHES": "\\ \\\\ \\n \\t \\x41 \\u0041 \\101 end\\",
    "LINES": "one\ntwo\r\nthree\n",
    "JSON": '{"a": ["b", "$c"], "d": "e\\nf"}',
    "PEM": "-----BEGIN KEY-----\nMIIB+/=\n-----END KEY-----\n",
    "TEXT": "Zoë 漢字 🎉 \u2028 \ufeff",
    "CONTROL": "\x01\x07\x1b[0m\x7f",
    "LONG": "x" * 100_000,
    "EQUALS": "a=b=c",
    "EXPORT": "export A=b",
    "YAML": "yes: no - [x] &a *b !c |",
}
_UNESCAPED = {"\\": "\\", '"': '"', "$": "$", "n": "\n", "r": "\r", "t": "\t"}


def understood(text: str) -> dict[str, str]:
    """The grammar as docs/compose.md has it: NAME="value", six escapes, nothing else."""
    found = {}
    for line in text.split("\n")[:-1]:
        name, _, quoted = line.partition("=")
        assert re.fullmatch(r'"(?:[^"\\$\n\r\t]|\\[\\"$nrt])*"', quoted), quoted
        found[name] = re.sub(r"\\(.)", lambda sign: _UNESCAPED[sign[1]], quoted[1:-1])
    return found


def as_compose_reads(text: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.env").write_bytes(text.encode())
        Path(folder, "compose.yaml").write_text("services: {app: {image: x, env_file: [app.env]}}\n")
        said = subprocess.run(
            [*tools.compose(), "config", "--format", "json"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": "/not/expanded"},
            capture_output=True,
            check=False,
        )
    assert said.returncode == 0, said.stderr
    assert said.stderr == b""  # it warns of variables that it takes for unset
    # `config` prints what can be read again: each $ twice.
    read = json.loads(said.stdout)["services"]["app"].get("environment") or {}
    return {name: value.replace("$$", "$") for name, value in read.items()}


@given(ENVIRONMENTS)
def test_values_come_back_by_the_written_grammar(environment):
    assert understood(rendered(environment)) == environment


@given(NAMES, VALUES)
def test_an_instance_writes_secrets_by_the_same_grammar(name, value):
    assert FETCH["line"](name, value) == rendered({name: value})


@pytest.mark.slow
@tools.needs_compose
@settings(max_examples=40)
@given(ENVIRONMENTS)
def test_values_come_back_from_the_real_compose(environment):
    assert as_compose_reads(rendered(environment)) == environment


@tools.needs_compose
def test_nasty_values_come_back_from_the_real_compose():
    assert as_compose_reads(rendered(NASTY)) == NASTY


def test_the_order_of_settings_is_no_other_release():
    assert rendered({"B": "1", "A": "2"}) == 'A="2"\nB="1"\n'


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A.B", "A B", "A=B", "Ä", "A\n", " A", "$A", "BLUEGREEN_X", "PORT"])
def test_names_that_no_environment_takes_are_refused(name):
    with pytest.raises(UnfitVariable):
        rendered({name: "x"})


@tools.needs_linux
def test_the_longest_value_that_linux_takes_is_taken():
    room = 128 * 1024 - 1 - len("A=")
    assert refusal("A", "x" * room) is None
    assert "131072 bytes" in str(refusal("A", "x" * (room + 1)))
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true"], env={"A": "x" * (room + 1)}, check=False)
    assert subprocess.run(["/bin/true"], env={"A": "x" * room}, check=False).returncode == 0
