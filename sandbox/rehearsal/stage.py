"""The stage of a rehearsal: a throw-away sandbox with a copy of the project, gone when the play is over."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.record import RECORD_KEYS
from sandbox import daemon
from sandbox.environment import exports
from sandbox.project import certificates, drop_config, furnish, set_config, stack_config
from sandbox.rehearsal.acts import repository_and_tag


@dataclass(frozen=True)
class Stage:
    """A running sandbox and the environment in which the command's verbs act on it."""

    home: Path
    project: Path
    running: daemon.Running
    environ: Mapping[str, str]

    def state(self) -> dict[str, Any]:
        """Listeners with their addresses, target groups with the health of each target, instances."""
        with urllib.request.urlopen(f"{self.running.endpoint}/_sandbox/state", timeout=10) as answer:
            return dict(json.load(answer))

    def post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the sandbox for something that AWS has no API for."""
        request = urllib.request.Request(
            f"{self.running.endpoint}/_sandbox/{what}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def push(self, image: str) -> str:
        """Puts an image of this name into the sandbox's registry; gives it by digest."""
        repository, tag = repository_and_tag(image)
        return str(self.post("push", {"repository": repository, "tag": tag})["image"])


def _fit(project: Path, stack: str, image: str) -> None:
    """Makes the copied settings those of a first deploy that can be taken down again: no record, no protection."""
    for key in RECORD_KEYS:
        drop_config(project, stack, f"bluegreen:{key}")
    set_config(project, stack, "bluegreen:image", image.rpartition("/")[2])
    drop_config(project, stack, "bluegreen:protect")
    balancer = stack_config(project, stack).get("bluegreen:balancer")
    if isinstance(balancer, dict) and balancer.pop("protect", None) is not None:
        set_config(project, stack, "bluegreen:balancer", balancer)


@contextmanager
def staged(project: Path, stack: str, speed: float, image: str) -> Iterator[Stage]:
    """A stage for one stack's settings whose first release is `image`. Nothing is left behind at the end."""
    home = Path(tempfile.mkdtemp(prefix="bluegreen-rehearsal-"))
    try:
        running = daemon.start(home, speed=speed)
        try:
            copied = furnish(project, home)
            _fit(copied, stack, image)
            stage = Stage(home, copied, running, exports(running, os.environ))
            for arn in certificates(copied):
                stage.post("certificate", {"arn": arn})
            yield stage
        finally:
            daemon.stop(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
