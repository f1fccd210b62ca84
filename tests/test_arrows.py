"""The rooms of the house import each other in one direction only."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("infra", "driver", "sandbox", "tests", "benchmarks")


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@functools.cache
def imports(file: Path) -> tuple[str, ...]:
    """Every module that a file imports, wherever in the file it does so."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def strays(room: str, allowed: tuple[str, ...], except_in: tuple[str, ...] = ()) -> list[str]:
    """Imports of the project's own rooms that go against an arrow."""
    found = []
    for file in modules(room):
        if str(file.relative_to(ROOT)) in except_in:
            continue
        found += [
            f"{file.relative_to(ROOT)}: {name}"
            for name in imports(file)
            if within(name, *OURS) and name not in OURS and not within(name, room.replace("/", "."), *allowed)
        ]
    return found


ARROWS = {
    "infra": (),
    "driver": ("infra.record", "infra.steps", "infra.decision", "infra.images"),
    "sandbox/engine": (),
    "sandbox/traffic": (),
    "sandbox/provider": ("sandbox.engine",),
    "sandbox/cloud": ("sandbox.traffic", "sandbox.faults"),
}
STACK = tuple(str(file.relative_to(ROOT)) for file in (ROOT / "driver/stack").glob("*.py"))


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_only_what_it_may(room):
    assert modules(room), room
    assert strays(room, ARROWS[room], except_in=STACK if room == "driver" else ()) == []


def test_the_stack_alone_reaches_for_the_program():
    for name in STACK:
        ours = [found for found in imports(ROOT / name) if within(found, "sandbox", "tests")]
        assert ours == [], name


def test_only_the_stack_speaks_to_the_automation_api():
    users = [
        str(file.relative_to(ROOT))
        for file in modules("driver")
        if any(within(name, "pulumi", "pulumi_aws", "pulumi_awsx") for name in imports(file))
    ]
    assert set(users) <= set(STACK)


def test_only_the_cloud_speaks_to_aws():
    clouds = {str(file.relative_to(ROOT)) for file in (ROOT / "driver/cloud").glob("*.py")}
    users = [
        str(file.relative_to(ROOT))
        for file in modules("driver")
        if any(within(name, "boto3", "botocore") for name in imports(file))
    ]
    assert set(users) <= clouds


def test_the_record_imports_no_pulumi():
    for name in ("record", "steps", "settings"):
        for file in [ROOT / f"infra/{name}.py", *(ROOT / "infra" / name).glob("*.py")]:
            if file.exists():
                assert not [found for found in imports(file) if within(found, "pulumi", "pulumi_aws")], file


def test_no_room_is_a_drawer():
    places = [*ROOT.glob("*"), *(path for room in (*OURS, "docs") for path in (ROOT / room).rglob("*"))]
    assert [path for path in places if path.stem in {"utils", "helpers", "misc"}] == []
