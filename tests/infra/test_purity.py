"""A rollback at night must not wait for Pulumi to be imported: the record's rooms do without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_record_steps_decision_and_images_bring_in_neither_pulumi_nor_pydantic() -> None:
    code = (
        "import sys, infra.record, infra.steps, infra.decision, infra.images, infra.context; "
        "print([name for name in ('pulumi', 'pulumi_aws', 'pydantic', 'grpc', 'boto3') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_settings_and_templates_bring_in_no_pulumi() -> None:
    code = "import sys, infra.settings, infra.rendering; print('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_no_room_hides_a_module_that_others_import() -> None:
    """Pulumi puts the program's folder first on the path: a `secrets.py` here would be everybody's `secrets`."""
    installed = {path.name.removesuffix(".py") for path in Path(pytest.__file__).parents[1].iterdir()}
    rooms = {path.stem for path in (Path(__file__).parents[2] / "infra").iterdir()} - {"__init__", "__main__"}
    assert "settings" in rooms
    assert rooms & (sys.stdlib_module_names | installed) <= {"__pycache__"}
