"""From the start of `rollback`'s process until the balancer sends all to the old color, against a bare script.

The measure is a script that knows everything beforehand and only calls modify_rule. Both are watched from outside,
by asking the sandbox for the rule's weights.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pairs import ended, in_turns, show
from benchmarks.released import Released, released
from infra.record import COLORS, Color

BARE = """
import json, sys, boto3
rule, groups, region = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
boto3.client("elbv2", region_name=region).modify_rule(RuleArn=rule, Actions=[action])
"""


def main() -> int:
    with released() as stack, tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        stack.verb("promote")
        deployed = stack.deployed()

        def script(to: Color) -> list[str]:
            weights = {color: 100 if color == to else 0 for color in COLORS}
            shares = [
                {"TargetGroupArn": deployed.target_group(color), "Weight": weight} for color, weight in weights.items()
            ]
            return [sys.executable, str(bare), deployed.rules["production"], json.dumps(shares), deployed.region]

        def ours() -> float:
            seconds = until(stack, "blue", stack.command("rollback"))
            stack.verb("promote", "--again")
            return seconds

        def theirs() -> float:
            seconds = until(stack, "blue", script("blue"))
            # The script leaves the record as it was: it undoes by itself what it did.
            until(stack, "green", script("green"))
            return seconds

        pair = in_turns("rollback: process start to 100 %", "boto3 modify_rule alone", ours, theirs, turns=9, limit=1.5)
    return show("Rollback", [pair])


def until(stack: Released, color: Color, argv: Sequence[str]) -> float:
    """Seconds until the data plane sends everything to a color; then waits for the process to end."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        argv, env=dict(stack.environ), cwd=stack.stage.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while stack.weights()[color] != 100:
        if time.perf_counter() - begun > 30:
            process.kill()
            raise RuntimeError("the weights never moved")
        time.sleep(0.005)
    seconds = time.perf_counter() - begun
    out, errors = process.communicate(timeout=60)
    if process.returncode:
        raise RuntimeError(f"exit {process.returncode}: {out.decode()}{errors.decode()}")
    return seconds


if __name__ == "__main__":
    ended(main)
