"""A rollback at night must not wait for Pulumi to be imported: the record's rooms do without it."""

from __future__ import annotations

import subprocess
import sys


def test_record_steps_decision_and_images_bring_in_neither_pulumi_nor_pydantic() -> None:
    code = (
        "import sys, infra.record, infra.steps, infra.decision, infra.images, infra.context; "
        "print([name for name in ('pulumi', 'pulumi_aws', 'pydantic', 'grpc', 'boto3') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_settings_and_templates_bring_in_no_pulumi() -> None:
    code = "import sys, infra.settings, infra.rendering; print('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
