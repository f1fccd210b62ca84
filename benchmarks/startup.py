"""How long `bluegreen --help` takes, against a click program that does nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import ended, in_turns, show, whole_process

BARE = """
import click

@click.group()
def main(): 'A program that does nothing.'

@main.command()
def verb(): 'Does nothing.'

main()
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        pair = in_turns(
            "bluegreen --help",
            "a bare click group --help",
            lambda: whole_process([sys.executable, "-m", "driver", "--help"]),
            lambda: whole_process([sys.executable, str(bare), "--help"]),
            turns=9,
            limit=1.5,
        )
    return show("Start", [pair])


if __name__ == "__main__":
    ended(main)
