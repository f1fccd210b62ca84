"""Where a command of a release is run, chosen once by what holds its capacity. Used by `driver.cloud.aws` alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from driver.cloud.one_off import OneOff
from driver.cloud.remote import Remote
from infra.record import SERVICE

if TYPE_CHECKING:
    from driver.ports import Runs


def runs(clients: Callable[[str], Any], name: str) -> Runs:
    """By the record's word: a scaling group's name, or `ecs:<cluster>/<service>`."""
    return OneOff(clients, name) if name.startswith(SERVICE) else Remote(clients, name)
