"""What a release's settings mean for its instances' role."""

from __future__ import annotations

from typing import Any

import pulumi

from infra import images, names, stored
from infra.access import Needs
from infra.colors.bundled import Bundled
from infra.colors.platform import Site
from infra.compose_release import BUNDLE
from infra.record import Color, Slot
from infra.secret_store import Readable, pattern


def needs(color: Color, slot: Slot, site: Site, boot: Bundled) -> pulumi.Output[Needs]:
    """What the instances of this release need."""
    settings, place = site.settings, site.place
    readable = [
        site.secrets.get(name, Readable(pattern(site.place, name)))
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
            bundle=found["bundle"],
            version=found["version"],
            tools=_tools(site, found["store"]),
            record=place.arn("ssm", f"parameter{stored.folder(settings)}/record") if settings.workers else "",
        )

    told = pulumi.Output.all(
        secrets=[one.arn for one in readable], bundle=boot.arn, version=boot.version, store=site.store.arn
    )
    return told.apply(known)


def _tools(site: Site, store: str) -> str:
    """What a mirror in S3 holds; nothing where the Compose binary comes from elsewhere."""
    mirror = site.settings.compose.mirror or ""
    if mirror == BUNDLE:
        return f"{store}/{names.TOOLS}/*"
    return f"arn:{site.place.partition}:s3:::{mirror.removeprefix('s3://')}/*" if mirror.startswith("s3://") else ""
