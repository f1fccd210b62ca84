"""The environment in which boto3, the driver and Pulumi act on a sandbox, and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.daemon import Running

PASSPHRASE = "sandbox"
_OTHERS = ("AWS_", "PULUMI_", "BLUEGREEN_")
_KEPT = ("BLUEGREEN_ENGINE", "BLUEGREEN_STACK", "BLUEGREEN_OUTPUT")


def variables(running: Running, project: Path) -> dict[str, str]:
    """What `bluegreen sandbox env` exports. The credentials are words that no account knows."""
    return {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_BACKEND_URL": f"file://{running.home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(running.home / "pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "BLUEGREEN_PROJECT": str(project),
        "BLUEGREEN_CLOCK_SPEED": f"{running.speed:g}",
        "BLUEGREEN_PROBE_PROXY": running.proxy_url,
    }


def exports(running: Running, project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """A whole environment for a subprocess: what came from elsewhere for AWS, Pulumi and us is left out."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_OTHERS) or name in _KEPT}
    (running.home / "state").mkdir(parents=True, exist_ok=True)
    return {**kept, **variables(running, project)}
