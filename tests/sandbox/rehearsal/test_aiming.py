import io
import urllib.error
from typing import Any

import pytest

from driver.errors import Invalid
from sandbox.rehearsal.acts import play
from sandbox.verbs import rehearsing


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ("app-dies", {"name": "app-dies", "color": "green"}),
        ("app-dies:color=blue,count=2", {"name": "app-dies", "color": "blue", "count": 2}),
        ("alarm-fires", {"name": "alarm-fires", "color": "green"}),
        ("alarm-fires:alarm=x,seconds=60", {"name": "alarm-fires", "alarm": "x", "seconds": 60.0}),
        ("api-lost:operation=ModifyRule", {"name": "api-lost", "operation": "ModifyRule"}),
    ],
)
def test_a_fault_hits_the_new_color_unless_it_is_aimed(fault: str, asked: dict[str, Any]) -> None:
    assert rehearsing.on_the_new(fault) == asked


class Deaf:
    """A stage whose sandbox has nothing that the fault could hit."""

    def post(self, what: str, body: dict[str, Any]) -> None:
        raise urllib.error.HTTPError("http://127.0.0.1", 400, "Bad Request", {}, io.BytesIO(b"no alarm of color green"))  # type: ignore[arg-type]


def test_a_fault_that_hits_nothing_is_told() -> None:
    acts = play("shop:2", "alarm-fires")
    meanwhile = rehearsing._fault(Deaf(), "alarm-fires", acts)  # type: ignore[arg-type]
    meanwhile(acts[0])
    with pytest.raises(Invalid, match="alarm-fires") as caught:
        meanwhile(next(act for act in acts if act.shifts))
    assert "no alarm of color green" in caught.value.why
