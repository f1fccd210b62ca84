"""Random programs and random changes of them: every update converges, and both engines do the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pulumi.automation as auto
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.engine import crypto
from tests.sandbox.engine.conftest import FEW, Workspace
from tests.sandbox.engine.programs import Described

NAMES = "abcdef"


@st.composite
def described(draw):
    """Things that depend on earlier ones, with inputs that sometimes force a replacement."""
    things: dict[str, dict] = {}
    for name in NAMES:
        if not draw(st.booleans()):
            continue
        inputs: dict = {key: draw(st.integers(0, 1)) for key in ("keep", "fixed", "late") if draw(st.booleans())}
        if things and draw(st.booleans()):
            inputs["after"] = draw(st.lists(st.sampled_from(sorted(things)), unique=True, min_size=1, max_size=2))
        if things and draw(st.booleans()):
            inputs["opts"] = {"depends_on": [draw(st.sampled_from(sorted(things)))]}
        elif draw(st.integers(0, 5)) == 0:
            inputs["opts"] = {"retain_on_delete": True}
        things[name] = inputs
    return things


@st.composite
def histories(draw, fails=True):
    """Programs one after the other; some fail somewhere on the first try, if they may.

    What else is done before a failure is a matter of chance, so two engines can't be compared over it.
    """
    return [
        (things, draw(st.sampled_from(sorted(things))) if fails and things and draw(st.integers(0, 3)) == 0 else None)
        for things in draw(st.lists(described(), min_size=2, max_size=4))
    ]


def perform(workspace: Workspace, engine: str, history) -> list:
    """What each step of a history came to: plan, result, calls."""
    program = Described()
    stack = workspace.stack(program, engine, engine=engine)
    told = []
    for things, failing in history:
        if failing:
            program.things = {**things, failing: {**things[failing], "fail": "create"}}
            before = len(workspace.calls("create", "update", "delete"))
            try:
                stack.up(parallel=1)
                told.append("worked")
            except auto.errors.CommandError:
                told.append("failed")
            told.append(sorted(workspace.calls("create", "update", "delete")[before:]))
        program.things = things
        plan = stack.preview().change_summary
        before = len(workspace.calls("create", "update", "delete"))
        result = stack.up(parallel=1).summary.resource_changes
        assert plan == result
        assert set(stack.preview().change_summary) == {"same"}
        told.append((dict(plan), sorted(workspace.calls("create", "update", "delete")[before:])))
    told.append([(one["urn"].rpartition("::")[2], one.get("delete")) for one in _sorted(stack)])
    return told


def _sorted(stack: auto.Stack) -> list[dict]:
    resources = stack.export_stack().deployment.get("resources", ())
    return sorted(resources, key=lambda one: (one["urn"].rpartition("::")[2], one.get("delete", False)))


def _converges(history) -> None:
    rounds, crypto.ITERATIONS = crypto.ITERATIONS, FEW
    root = Path(tempfile.mkdtemp())
    try:
        workspace = Workspace(root, "embedded")
        perform(workspace, "embedded", history)
        wanted = set(history[-1][0])
        stack = workspace.stack(Described(), "embedded", engine="embedded")
        entries = [one for one in _sorted(stack) if one["type"] == "fuzz:index:Thing"]
        assert {one["urn"].rpartition("::")[2] for one in entries} == wanted
        assert {one["id"] for one in entries} <= set(workspace.things())
    finally:
        crypto.ITERATIONS = rounds
        shutil.rmtree(root)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
@pytest.mark.slow
def test_every_history_converges(history):
    _converges(history)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
@pytest.mark.slow
@pytest.mark.soak
def test_many_histories_converge(history):
    _converges(history)


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pulumi"), reason="no pulumi on PATH: the engines can't be compared")
@settings(
    max_examples=int(os.environ.get("ENGINE_COMPARISONS", "3")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(histories(fails=False))
def test_both_engines_do_the_same(history):
    told = []
    for engine in ("embedded", "cli"):
        root = Path(tempfile.mkdtemp())
        try:
            told.append(perform(Workspace(root, engine), engine, history))
        finally:
            shutil.rmtree(root)
    for one, other in zip(*told, strict=True):
        assert _without_stack(one) == _without_stack(other)


def _without_stack(told):
    """The stack's own resource is named after the stack."""
    if isinstance(told, list):
        return [one for one in told if "fuzz-" not in str(one)]
    return told
