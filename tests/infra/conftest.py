"""A fresh world for each test."""

import pytest
from hypothesis import settings

from tests.infra.world import World

settings.register_profile("infra", max_examples=60, deadline=None)
settings.load_profile("infra")


@pytest.fixture
def world() -> World:
    return World()
