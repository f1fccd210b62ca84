"""What the tests of the driver have in common."""

import pytest

import driver.observe
from tests.driver.processes import Serial


@pytest.fixture(autouse=True)
def one_after_the_other(monkeypatch):
    """Fakes answer at once, and a pool of threads for each look takes longer than all that is tested."""
    monkeypatch.setattr(driver.observe, "ThreadPoolExecutor", Serial)
