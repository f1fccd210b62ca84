"""What a release's settings mean for its instances' role."""

from __future__ import annotations

from typing import Any

import pulumi

from infra import images, names, stored
from infra.access import Needs
from infra.colors.platform import Site
from infra.record import Color, Slot
from infra.secret_store import Readable


def needs(color: Color, slot: Slot, site: Site) -> pulumi.Output[Needs]:
    """What the instances of this release need."""
    settings, place = site.settings, site.place
    readable = [
        site.secrets.get(name, Readable(_pattern(site, name)))
        for name in dict.fromkeys(one.secret for one in settings.all_secrets.values())
    ]

    def known(found: dict[str, Any]) -> Needs:
        return Needs(
            place=place,
            images=tuple(images.parse_image(one) for one in (slot.image, settings.compose.nginx) if one),
            log_group=names.log_group(settings, color),
            group=names.group_pattern(color, slot),
            namespace=names.metrics_namespace(settings),
            owner=(settings.project, settings.stack),
            secrets=tuple(found["secrets"]),
            keys=tuple(dict.fromkeys(one.key for one in readable if one.key)),
            tools=_tools(site),
            record=place.arn("ssm", f"parameter{stored.folder(settings)}/record") if settings.workers else "",
        )

    return pulumi.Output.all(secrets=[one.arn for one in readable]).apply(known)


def _pattern(site: Site, name: str) -> str:
    """A secret's ARN as far as its name tells it: Secrets Manager adds a dash and six signs."""
    return name if name.startswith("arn:") else site.place.arn("secretsmanager", f"secret:{name}-??????")


def _tools(site: Site) -> str:
    mirror = site.settings.compose.mirror or ""
    if not mirror.startswith("s3://"):
        return ""
    return f"arn:{site.place.partition}:s3:::{mirror.removeprefix('s3://')}/*"
