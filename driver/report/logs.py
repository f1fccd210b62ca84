"""Log lines, for people and one document each."""

from __future__ import annotations

from collections.abc import Iterable

from driver.invocation import Invocation
from driver.release.lines import Line
from driver.report import document
from driver.result import Result


def show_lines(lines: Iterable[Line], color: str, called: Invocation) -> None:
    """Prints them in their order; what holds more than a line of text has a line for each."""
    for line in lines:
        if called.output == "json":
            print(document.text(_document(line, color, called)), flush=True)
            continue
        head = f"{line.when:%H:%M:%S} {line.stream}"
        for text in line.text.splitlines() or [""]:
            print(f"{head}  {_printable(text)}", flush=True)


def _document(line: Line, color: str, called: Invocation) -> dict[str, object]:
    when = line.when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facts = {"color": color, "time": when, "instance": line.instance, "part": line.part, "message": line.text}
    return document.of_result(Result("line", "", facts=facts), called)


def _printable(text: str) -> str:
    """Without what could steer a terminal: an app writes what its clients send."""
    return "".join(sign if sign.isprintable() or sign == "\t" else "�" for sign in text)
