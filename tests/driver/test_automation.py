"""What the program's run in the driver's own process is spared."""

from __future__ import annotations

from pathlib import Path

import pulumi

from driver.checkout import Checkout
from driver.stack import automation
from infra.context import Context


def test_a_program_sends_no_debugging_lines_to_its_engine(monkeypatch):
    said = []

    class Engine:
        def Log(self, request):
            said.append(request.message)

    def program(context):
        pulumi.log.debug("that nobody reads")
        pulumi.log.warn("that somebody reads")

    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)
    monkeypatch.setattr(pulumi.log, "get_engine", Engine)
    monkeypatch.setattr(automation, "run", program)
    automation.PulumiStack(Checkout(Path(), "prod"), "me")._program(Context("ann", ""))()
    assert said == ["that somebody reads"]
