"""A fresh world for each test."""

import gc

import pytest
from hypothesis import settings

from tests.infra.world import World, stack_file

settings.register_profile("infra", max_examples=30, deadline=None)
settings.load_profile("infra")

# pulumi_aws is large and stays: without this the collector walks over all of it again and again.
gc.collect()
gc.freeze()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def first() -> World:
    """`dev` after its first deploy, for tests that only look."""
    return World().up(stack_file("dev"))
