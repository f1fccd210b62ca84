"""What a canary's steps cost beyond their stack updates, and how soon a bad one is acted on.

A step is timed from the line that announces it to the next one's: its gates, its update, what is read back. The measure
is what its own update took, by the document. The bake is left out: it is waiting, not cost.

For the alarm the driver's clock runs as on AWS, whatever the sandbox's speed: one poll is `driver.bake.POLL` seconds,
and the API calls take their time. The alarms go off at moments spread evenly over a poll; timed is from the
moment that CloudWatch names to the one at which the balancer has moved.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3

from benchmarks.pairs import Pair, ended, show
from benchmarks.released import Released, released
from driver.bake import POLL

TURNS = 5
SHORT = ("--gate", "requests=off", "--bake", "2m")
"""No bake may be shorter than what its alarms can see. Nobody sends requests here: the load would be measured too."""


def main() -> int:
    with released() as stack:
        steps = [timed_steps(stack) for _ in range(TURNS + 1)][1:]
        pairs = [
            Pair(
                f"canary: step to {weight} %, beyond its update",
                "its stack update",
                tuple(one[weight][0] - one[weight][1] for one in steps),
                tuple(one[weight][1] for one in steps),
                0.3,
            )
            for weight in (10, 50, 100)
        ]
        late = tuple(acted(stack, (turn + 0.5) / TURNS * POLL) for turn in range(TURNS))
        pairs.append(Pair("canary: alarm to all on the old color", "one poll", late, (POLL,) * TURNS, 1.0))
    return show("Canary", pairs)


def timed_steps(stack: Released) -> dict[int, tuple[float, float]]:
    """By weight: seconds of the whole step, and of its stack update."""
    stack.blue_serves()
    process = begun(stack, ("promote", "--again", "--weights", "10,50", *SHORT))
    began: list[tuple[str, float]] = []
    for line, at in lines(process):
        if line.startswith("step "):
            began.append((line.partition(": ")[2], at))
            if line.startswith("step 5 of 5"):
                break
    assert process.stdout is not None
    document = json.loads(process.stdout.readline())
    # The last step ends with the document at the latest. The interpreter's own end is no step's.
    began.append(("the end", time.perf_counter()))
    if process.wait(60):
        raise RuntimeError(f"the canary did not arrive: {document}")
    took = {title: after - at for (title, at), (_, after) in itertools.pairwise(began)}
    return {
        step["weight"]: (took[step["step"]], step["update_seconds"])
        for step in document["steps"]
        if step["update_seconds"]
    }


def acted(stack: Released, delay: float) -> float:
    """Seconds from an alarm, that long after the bake's first look, to the moment at which its color has no traffic."""
    stack.blue_serves()
    cloudwatch = boto3.client(
        "cloudwatch",
        endpoint_url=stack.environ["AWS_ENDPOINT_URL"],
        region_name=stack.deployed().region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    process = begun(stack, ("promote", "--again", "--weights", "10", *SHORT), BLUEGREEN_CLOCK_SPEED="1")
    next(line for line, _ in lines(process) if "alarms ✓" in line)
    time.sleep(delay)
    stack.stage.post("fault", {"name": "alarm-fires", "color": "green"})
    until = time.monotonic() + 60
    while stack.weights()["green"]:
        if time.monotonic() > until:
            process.kill()
            raise RuntimeError("nobody acted on the alarm")
        time.sleep(0.01)
    moved = datetime.now(UTC)
    out, errors = process.communicate(timeout=60)
    if process.returncode != 4:
        raise RuntimeError(f"exit {process.returncode}, not 4: {out}{errors}")
    firing = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    rang: datetime = min(alarm["StateUpdatedTimestamp"] for alarm in firing)
    stack.stage.post("fault", {"name": "clear"})
    return (moved - rang).total_seconds()


def begun(stack: Released, argv: tuple[str, ...], **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        stack.command(*argv),
        env={**stack.environ, **environ},
        cwd=stack.stage.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(process: subprocess.Popen[str]) -> Iterator[tuple[str, float]]:
    """What it says, each line with the moment."""
    assert process.stderr is not None
    for line in process.stderr:
        yield line.strip(), time.perf_counter()


if __name__ == "__main__":
    ended(main)
