"""`promote`, the whole process, against a plain script that makes the same change of the stack and nothing else.

The script knows everything beforehand: the wished record lies ready in a config file of its own. It looks at nothing
before and reads nothing back. Both run the same program on the same engine, targeted at the same resources.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.pairs import ended, in_turns, show
from benchmarks.released import STACK, released
from driver.checkout import Checkout
from driver.release.targets import RULES
from infra.steps import flipped

PLAIN = """
import os, sys
from pulumi import automation as auto
from infra.program import run
from sandbox.embedded import command

work_dir, project, name, config, *targets = sys.argv[1:]
stack = auto.select_stack(
    stack_name=name,
    project_name=project,
    program=run,
    opts=auto.LocalWorkspaceOptions(work_dir=work_dir, pulumi_command=command(os.environ)),
)
stack.up(target=targets, config_file=config)
"""


def main() -> int:
    with released() as stack, tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN)
        checkout = Checkout(stack.stage.project, STACK)

        def ours() -> float:
            stack.blue_serves()
            return moved(stack.timed(stack.command("promote", "--again")))

        def theirs() -> float:
            stack.blue_serves()
            was = stack.deployed()
            with checkout.private(flipped(was, datetime.now(UTC), held_until=None), was.basis) as config:
                where = [str(checkout.root), checkout.project, STACK, str(config)]
                return moved(stack.timed([sys.executable, str(plain), *where, *RULES]))

        def moved(seconds: float) -> float:
            if stack.weights()["green"] != 100 or stack.deployed().record.active != "green":
                raise RuntimeError("green does not serve: there is nothing to compare")
            return seconds

        pair = in_turns("promote: whole process", "a plain targeted stack.up()", ours, theirs, limit=1.25)
    return show("Promote", [pair])


if __name__ == "__main__":
    ended(main)
