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

from benchmarks.pairs import in_turns, show
from sandbox.rehearsal.seen import production_weights
from sandbox.rehearsal.stage import Stage, staged

ROOT = Path(__file__).resolve().parents[1]
BARE = """
import json, sys, boto3
rule, groups, region = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
boto3.client("elbv2", region_name=region).modify_rule(RuleArn=rule, Actions=[action])
"""


def main() -> int:
    with staged(ROOT, "dev", 60, "shop:1.0.0") as stage, tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        stage.push("shop:2.0.0")
        verb(stage, "up")
        verb(stage, "deploy", "shop:2.0.0")
        verb(stage, "promote")
        record = json.loads(verb(stage, "status"))["record"]

        def ours() -> float:
            if weights(stage)["green"] != 100:
                verb(stage, "promote", "--again")
            return until_blue(stage, command("rollback"))

        def theirs() -> float:
            if weights(stage)["green"] != 100:
                verb(stage, "promote", "--again")
            groups = record["targetGroups"]
            shares = [{"TargetGroupArn": groups[color]["compose"], "Weight": weight} for color, weight in BACK]
            argv = [sys.executable, str(bare), record["rules"]["production"], json.dumps(shares), record["region"]]
            seconds = until_blue(stage, argv)
            # The script leaves the record behind; a rollback by the command makes all agree again.
            verb(stage, "rollback")
            return seconds

        pair = in_turns("rollback: process start to 100 %", "boto3 modify_rule alone", ours, theirs, limit=1.5)
    return show("Rollback", [pair])


BACK = (("blue", 100), ("green", 0))


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "driver", "-s", "dev", "-y", "--output", "json", *argv]


def verb(stage: Stage, *argv: str) -> str:
    done = subprocess.run(command(*argv), env=dict(stage.environ), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def weights(stage: Stage) -> dict[str, int]:
    return production_weights(stage.state())


def until_blue(stage: Stage, argv: Sequence[str]) -> float:
    """Seconds until the data plane sends everything to blue; then waits for the process to end."""
    begun = time.perf_counter()
    process = subprocess.Popen(argv, env=dict(stage.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while weights(stage)["blue"] != 100:
        if time.perf_counter() - begun > 30:
            process.kill()
            raise RuntimeError("the weights never moved")
        time.sleep(0.005)
    seconds = time.perf_counter() - begun
    _, errors = process.communicate(timeout=60)
    if process.returncode:
        raise RuntimeError(f"exit {process.returncode}: {errors.decode()}")
    return seconds
