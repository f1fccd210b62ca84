"""Everything that is rendered for an instance, as golden files.

After a change that is meant: `python -m tests.infra.templates.test_golden` writes them anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bundle import files, stub
from tests.infra.templates.releases import FULL, PLACE, PLAIN

GOLDEN = Path(__file__).parents[1] / "golden"


def rendered() -> dict[str, str]:
    return {
        "stub/user-data.sh": stub(PLACE),
        **{f"bundle-plain/{name}": text for name, text in files(PLAIN).items()},
        **{f"bundle-full/{name}": text for name, text in files(FULL).items()},
    }


@pytest.mark.parametrize("name", rendered())
def test_rendered(name):
    assert rendered()[name] == (GOLDEN / name).read_text()


def test_nothing_else_is_kept():
    kept = {
        str(path.relative_to(GOLDEN))
        for folder in ("stub", "bundle-plain", "bundle-full")
        for path in (GOLDEN / folder).iterdir()
    }
    assert kept == set(rendered())


if __name__ == "__main__":
    for name, text in rendered().items():
        (GOLDEN / name).parent.mkdir(exist_ok=True)
        (GOLDEN / name).write_text(text)
