"""docs/settings.md says of every setting what the program takes.

After a change of settings: `python -m tests.infra.test_setting_table` writes keys, defaults and limits anew; what a new
one is for has to be said by hand.
"""

from __future__ import annotations

import re

from tests.infra.setting_table import DOCUMENT, line, rows, written


def test_no_setting_is_missing_and_none_is_made_up() -> None:
    assert sorted(written()) == sorted(row.key for row in rows())


def test_defaults_and_limits_are_those_of_the_program() -> None:
    found = written()
    wrong = {row.key: found[row.key][:2] for row in rows() if found.get(row.key, ())[:2] != (row.default, row.allowed)}
    assert wrong == {}


def test_what_each_is_for_is_said() -> None:
    assert [key for key, (_, _, purpose) in written().items() if not re.search(r"\w{2}", purpose)] == []


def test_each_is_found_where_its_neighbours_are() -> None:
    """One table for each object, so that a reader finds the whole of it in one place."""
    order = [key.partition(".")[0] for key in written()]
    assert len(set(order)) == sum(one != two for one, two in zip(order, ["", *order], strict=False))


def rewrite() -> None:
    told, missing = written(), {row.key: row for row in rows()}
    lines = []
    for text in DOCUMENT.read_text().splitlines():
        key = text.split("`")[1] if text.startswith("| `") else ""
        if not key:
            lines.append(text)
        elif key in missing:
            lines.append(line(missing.pop(key), told[key][2]))
    lines += [line(row, "") for row in missing.values()]
    DOCUMENT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    rewrite()
