"""What a registry's scan says of an image, and whether settings take it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from driver.errors import Refused
from driver.images import short
from infra.images import parse_image

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED")
"""The worst first."""


@dataclass(frozen=True)
class Scan:
    """`done`: there is a result. `state` is the registry's word where there is none."""

    done: bool
    state: str = ""
    found: Mapping[str, int] = field(default_factory=dict)
    """How many findings of a severity."""


def worst(scans: Collection[Scan]) -> Scan:
    """The scans of an image's parts as one: a result only where each part has one."""
    for scan in scans:
        if not scan.done:
            return scan
    found = {name: sum(scan.found.get(name, 0) for scan in scans) for name in SEVERITIES}
    return Scan(bool(scans), "" if scans else "not there", {name: number for name, number in found.items() if number})


def check(image: str, scan: Scan, forbidden: Collection[str]) -> None:
    """Raises Refused where the settings forbid what was found, and where nobody has looked."""
    if not forbidden:
        return
    look, named = _commands(image), " and ".join(name for name in SEVERITIES if name in forbidden)
    if not scan.done:
        what = f"nobody has scanned {short(image)}"
        why = f"its scan is {scan.state}, and registry.forbid wants to know of findings that are {named}"
        raise Refused(what, why, look)
    bad = [f"{scan.found[name]} {name}" for name in SEVERITIES if name in forbidden and scan.found.get(name)]
    if bad:
        what = f"{short(image)} has findings that the settings forbid"
        raise Refused(what, f"the scan found {' and '.join(bad)}; registry.forbid has {named}", look)


def _commands(image: str) -> tuple[str, ...]:
    found = parse_image(image)
    if found.registry is None:
        return ("config validate",)
    account, region = found.registry
    where = f"--registry-id {account} --region {region} --repository-name {found.name}"
    return (f"$ aws ecr describe-image-scan-findings {where} --image-id imageDigest={found.digest}",)
