"""What the look-alike takes, where it works, and when it comes on PATH: all without an engine."""

import json

import pytest

from sandbox.engine import arguments
from sandbox.engine import project as projects
from sandbox.engine.failure import CommandFailed
from sandbox.lookalike import flags, shim
from sandbox.lookalike.place import place
from sandbox.lookalike.program import program_of


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("update -yf", "up -y -f"),
        ("-s update up", "-s update up"),
        ("-C down down", "-C down destroy"),
        ("up -sdev", "up -s dev"),
        ("up -c a=b -c=d=e", "up --config a=b --config=d=e"),
        ("config set pre update", "config set pre update"),
        ("config set x -- -yf", "config set x -- -yf"),
        ("history", "stack history"),
        ("up --stack=dev -y=false", "up --stack=dev -y=false"),
    ],
)
def test_what_is_typed_in_short(typed, meant):
    assert flags.spelled_out(typed.split()) == meant.split()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("frob", 'unknown command "frob" for "pulumi"'),
        ("stack frob", 'unknown command "frob" for "pulumi stack"'),
        ("up --nope", "unknown flag: --nope"),
        ("up -z", "unknown shorthand flag: 'z' in -z"),
    ],
)
def test_what_a_real_cli_does_not_know_is_refused_in_its_words(typed, words):
    with pytest.raises(CommandFailed) as refused:
        flags.check(arguments.parse(flags.spelled_out(typed.split())))
    assert refused.value.message.splitlines()[0] == words
    assert refused.value.code == 1


def test_the_help_names_every_command():
    text = flags.usage("3.0.0")
    assert all(f"  {' '.join(command)} " in text for command in flags.COMMANDS)


@pytest.fixture
def checkout(tmp_path):
    copy = tmp_path / "shop/.bluegreen/sandbox/project"
    copy.mkdir(parents=True)
    (tmp_path / "shop/infra").mkdir()
    (tmp_path / "other").mkdir()
    for folder in (copy, tmp_path / "shop", tmp_path / "other"):
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return tmp_path


@pytest.mark.parametrize(
    ("standing", "works"),
    [
        ("shop", "shop/.bluegreen/sandbox/project"),
        ("shop/infra", "shop/.bluegreen/sandbox/project"),
        ("shop/.bluegreen/sandbox/project", "shop/.bluegreen/sandbox/project"),
        ("other", "other"),
        (".", "shop/.bluegreen/sandbox/project"),
    ],
)
def test_the_sandbox_s_copy_is_meant_unless_one_stands_in_another_project(checkout, standing, works):
    copy = checkout / "shop/.bluegreen/sandbox/project"
    found = place((checkout / standing).resolve(), {"BLUEGREEN_PROJECT": str(copy)}, named=False)
    assert found.directory == (checkout / works).resolve()
    assert bool(found.note) == (standing != works)


def test_a_directory_that_is_named_is_the_one(checkout):
    environ = {"BLUEGREEN_PROJECT": str(checkout / "shop/.bluegreen/sandbox/project")}
    assert place(checkout / "shop", environ, named=True).directory == checkout / "shop"


def test_the_look_alike_is_on_path_only_where_there_is_no_real_one(tmp_path):
    home, real, plain = tmp_path / "home", tmp_path / "real", tmp_path / "plain"
    for folder in (real, plain):
        folder.mkdir()
    shim.install(home)
    own = f"{home}/bin"
    assert shim.exports(home, {"PATH": str(plain)}) == {"PATH": f"{own}:{plain}", "BLUEGREEN_ENGINE": "embedded"}
    assert shim.exports(home, {"PATH": f"{own}:{plain}"})["PATH"] == f"{own}:{plain}"
    (real / "pulumi").write_text("#!/bin/sh\n")
    (real / "pulumi").chmod(0o755)
    assert shim.exports(home, {"PATH": f"{plain}:{real}"}) == {}
    # One that was installed after the look-alike came on PATH is used from the next `env` on.
    after = shim.exports(home, {"PATH": f"{own}:{real}"})
    assert after == {"PATH": str(real), "BLUEGREEN_ENGINE": "auto"}
    shim.remove(home)
    assert not (home / "bin").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [("name: p\nruntime: go\n", "runtime: go"), ("name: p\nruntime: python\nmain: gone\n", "does not exist")],
)
def test_a_program_that_cannot_be_run_is_refused(tmp_path, text, problem):
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(CommandFailed, match=problem):
        program_of(projects.find(tmp_path), lambda _: None)


def test_the_program_runs_where_its_main_lies_and_by_the_virtualenv_named(tmp_path):
    (tmp_path / "infra").mkdir()
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").write_text("")
    document = {"name": "p", "main": "infra", "runtime": {"name": "python", "options": {"virtualenv": "venv"}}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps(document))
    warned: list[str] = []
    found = program_of(projects.find(tmp_path), warned.append)
    assert (found.directory, found.target, found.python) == (
        tmp_path / "infra",
        ".",
        tmp_path / "venv/bin/python",
    )
    assert not warned
    (tmp_path / "venv/bin/python").unlink()
    program_of(projects.find(tmp_path), warned.append)
    assert "no virtualenv" in warned[0]
