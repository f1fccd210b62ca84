"""A fresh world for each test."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.infra.world import RUNS, World, stack_file

settings.register_profile("infra", max_examples=30, deadline=None)
settings.load_profile("infra")


@pytest.fixture(autouse=True)
def _own_runs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that changes the program, or listens to what it says, has it run."""
    RUNS.enabled = "monkeypatch" not in request.fixturenames
    yield
    RUNS.enabled = True


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def first() -> World:
    """`dev` after its first deploy, for tests that only look."""
    return World().up(stack_file("dev"))
