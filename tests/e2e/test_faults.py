"""The fault matrix: what goes wrong at each place of a canary, and of a rollback out of it."""

from __future__ import annotations

import pytest

from tests.e2e.cell import Cell
from tests.e2e.faults import FAULTS
from tests.e2e.matrix import chosen
from tests.e2e.play import played
from tests.e2e.ways import GATES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def play():
    with played(settings={"bluegreen:gates": GATES}) as play:
        yield play


@pytest.mark.parametrize(
    ("way", "fault", "place"), [pytest.param(*one, id=f"{one[0].name}-{one[1]}-{one[2]}") for one in chosen()]
)
def test_a_fault_harms_no_user_of_the_old_color_and_leaves_one_command_to_a_good_state(play, way, fault, place):
    Cell(play, FAULTS[fault], place, way).run()
