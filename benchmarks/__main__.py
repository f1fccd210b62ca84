"""`make bench`: every benchmark in turn, each pair measured in this one run. Names on the command line choose."""

from __future__ import annotations

import importlib
import importlib.util
import sys

ALL = ("startup", "rollback", "engine", "balancer")


def main(names: list[str]) -> int:
    chosen = names or [name for name in ALL if importlib.util.find_spec(f"benchmarks.{name}")]
    unknown = set(chosen) - set(ALL)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    return max([importlib.import_module(f"benchmarks.{name}").main() or 0 for name in chosen], default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
