"""From the start of `rollback`'s process until the balancer sends all to the old color, against a bare script.

The measure is a script that knows everything beforehand and only calls modify_rule. Both are watched from outside,
by asking the sandbox for the rule's weights. Once with the stack to itself, once while an update of another driver runs
and holds the stack's lock: the traffic must not wait for it, the record has to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pairs import ended, in_turns, show
from benchmarks.released import STACK, Released, released
from infra.record import COLORS, Color

BARE = """
import json, sys, boto3
rule, groups, region = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
boto3.client("elbv2", region_name=region).modify_rule(RuleArn=rule, Actions=[action])
"""

HOLDING = """
import os, sys, time
from pulumi import automation as auto
from sandbox.embedded import command

work_dir, project, name, flag = sys.argv[1:]

def held():
    open(flag + ".held", "w").close()
    while os.path.exists(flag):
        time.sleep(0.02)
    raise RuntimeError("enough")

stack = auto.select_stack(
    stack_name=name,
    project_name=project,
    program=held,
    opts=auto.LocalWorkspaceOptions(work_dir=work_dir, pulumi_command=command(os.environ)),
)
try:
    stack.up()
except auto.CommandError:
    pass
"""
"""An update that holds the lock for as long as a file is there, and changes nothing: its program fails then."""


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

        def ours_locked() -> float:
            with locked(stack, Path(folder)) as flag:
                seconds = until(stack, "blue", stack.command("rollback"), flag)
            stack.verb("promote", "--again")
            return seconds

        def theirs_locked() -> float:
            with locked(stack, Path(folder)):
                return theirs()

        measure = "boto3 modify_rule alone"
        pairs = [
            in_turns("rollback: process start to 100 %", measure, ours, theirs, turns=9, limit=1.5),
            in_turns("the same, another's update running", measure, ours_locked, theirs_locked, limit=1.5),
        ]
    return show("Rollback", pairs)


@contextmanager
def locked(stack: Released, folder: Path) -> Iterator[Path]:
    """While an update of another driver runs; it ends with the block, or when the file that is given is gone."""
    flag, held = folder / "flag", folder / "flag.held"
    held.unlink(missing_ok=True)
    flag.touch()
    argv = [sys.executable, "-c", HOLDING, str(stack.stage.project), "shop", STACK, str(flag)]
    process = subprocess.Popen(
        argv, env=dict(stack.environ), cwd=stack.stage.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until = time.monotonic() + 60
        while not held.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the other update never held the lock")
            time.sleep(0.02)
        yield flag
    finally:
        flag.unlink(missing_ok=True)
        said, _ = process.communicate(timeout=60)
    if process.returncode:
        raise RuntimeError(f"the other update ended with {process.returncode}: {said.decode()}")


def until(stack: Released, color: Color, argv: Sequence[str], flag: Path | None = None) -> float:
    """Seconds until the data plane sends everything to a color; then waits for the process to end.

    `flag`: a file that keeps another's update running, which the process waits for with all but the traffic.
    """
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
    if flag:
        if process.poll() is not None:
            raise RuntimeError("it ended while the lock was held: there was nothing in its way")
        flag.unlink()
    out, errors = process.communicate(timeout=60)
    if process.returncode:
        raise RuntimeError(f"exit {process.returncode}: {out.decode()}{errors.decode()}")
    return seconds


if __name__ == "__main__":
    ended(main)
