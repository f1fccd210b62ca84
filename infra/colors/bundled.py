"""A release's bundle in its bucket, and the user data that fetches just that version of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import bundle, images, names, rendering
from infra.colors.composed import composed
from infra.colors.platform import Site
from infra.record import Color, Slot


@dataclass(frozen=True)
class Bundled:
    """What the instances of a release boot from."""

    arn: pulumi.Output[str]
    version: pulumi.Output[str]
    user_data: pulumi.Output[str]


def bundled(color: Color, slot: Slot, site: Site, name: str, opts: pulumi.ResourceOptions) -> Bundled:
    """Puts the bundle there. It is a resource of the color's fill: it lies there for as long as the fill stands."""
    settings, store = site.settings, site.store

    def packed(supplied: Any) -> bytes:
        release = composed(
            settings,
            color=color,
            fill=slot.fill,
            release=slot.digest,
            image=images.exact(slot.image),
            supplied=supplied,
        )
        return bundle.packed(bundle.files(release))

    key = names.bundle_key(color, slot)
    # The cache's address is known only when there is a cache.
    packing = pulumi.Output.from_input(site.supplied).apply(packed)
    held = aws.s3.BucketObjectv2(
        name,
        bucket=store.bucket,
        key=key,
        content_base64=packing.apply(lambda data: base64.b64encode(data).decode()),
        content_type="application/gzip",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=store.ready)),
    )

    def stub(found: dict[str, Any]) -> str:
        place = bundle.Place(
            bucket=found["bucket"],
            key=key,
            version=found["version"],
            sha256=bundle.checksum(found["data"]),
            region=site.place.region,
            hook=names.HOOK,
            log_group=names.log_group(settings, color),
        )
        return rendering.user_data(bundle.stub(place))

    told = pulumi.Output.all(bucket=store.bucket, version=held.version_id, data=packing)
    return Bundled(pulumi.Output.concat(store.arn, "/", key), held.version_id, told.apply(stub))
