"""`make bench`: every benchmark in turn, each pair measured in this one run. Names on the command line choose.

Each is a process of its own: none warms up the next one, and one that can't run leaves the others be.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from benchmarks.pairs import SKIPPED

ALL = ("startup", "rollback", "promote", "canary", "status", "engine", "balancer")
PATIENCE = 600.0
"""Seconds for one benchmark: several times what any takes on a slow machine."""

SAID = {0: "done", 1: "a promise was not kept", SKIPPED: "skipped"}


def main(names: list[str]) -> int:
    """0: all promises were kept; 1: a promise was not; 2: a benchmark couldn't run."""
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    codes = {name: run(name) for name in names or ALL}
    for name, code in codes.items():
        print(f"{name:10}{SAID.get(code, 'did not run to its end')}")
    return max(0 if code == SKIPPED else code for code in codes.values())


def run(name: str) -> int:
    print(f"== {name}", flush=True)
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}"]) as process:
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            print(f"{name} is not over after {PATIENCE:.0f} s", file=sys.stderr)
            process.send_signal(signal.SIGINT)  # as Ctrl-C does: its sandbox is taken down
            process.wait()
            code = 2
    print(f"   {time.perf_counter() - begun:.0f} s\n", flush=True)
    return code if code in SAID else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
