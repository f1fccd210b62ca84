"""A stack's graph as text: every resource with parent, dependencies, options and inputs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from typing import Any

from tests.infra.world import Registered, World


def graph(world: World) -> str:
    """Sorted JSON, one resource after the other. User data is shown as the script it is."""
    found = [_shown(one) for one in world.resources if one.type != "pulumi:pulumi:Stack"]
    return json.dumps(sorted(found, key=lambda one: (one["type"], one["name"])), indent=1, sort_keys=True) + "\n"


def _shown(one: Registered) -> dict[str, Any]:
    inputs = dict(one.inputs)
    if "userData" in inputs:
        inputs["userData"] = base64.b64decode(inputs["userData"]).decode().splitlines()
    if "contentBase64" in inputs:
        # The files have golden copies of their own; here it is enough to see which of them changed.
        raw = base64.b64decode(inputs["contentBase64"])
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as packed:
            files = {one.name: packed.extractfile(one).read() for one in packed}  # type: ignore[union-attr]
        inputs["contentBase64"] = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in files.items()}
    if "insecureValue" in inputs:
        inputs["insecureValue"] = json.loads(inputs["insecureValue"])
    shown: dict[str, Any] = {"type": one.type, "name": one.name, "parent": one.parent}
    if one.dependencies:
        shown["dependencies"] = sorted(one.dependencies)
    if one.protected:
        shown["protect"] = True
    if one.ignored:
        # Every input of a resource that stands is ignored but these; their number is no news.
        shown["ignores"] = len(one.ignored)
    return {**shown, "inputs": inputs}
