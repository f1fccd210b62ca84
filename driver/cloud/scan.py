"""ECR: which image a tag means, what a scan found of it, and the tags that keep it from expiring."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from driver.cloud.failures import spoken
from driver.images import missing, named
from driver.release.keep import Tagged
from driver.release.processor import NAMES
from driver.release.scan import Scan, worst
from infra.images import Image, parse_image

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_DONE = ("COMPLETE", "ACTIVE")
"""Of a basic and of an enhanced scan."""
_INDEX = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_PLAIN = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class Ecr:
    """The repositories of images. But for `resolved`, every image is as a record has it: with host and digest."""

    def __init__(self, client: ECRClient) -> None:
        self._client = client

    def resolved(self, reference: str, region: str, account: Callable[[], str]) -> str:
        """The same image by digest. Raises Refused where it does not exist, Invalid where it can't be asked.

        `account`: who is calling, asked only where the refusal has to name the registry.
        """
        image = named(reference)
        if image.host and image.registry is None:
            return image.pinned(image.digest)  # only ECR can be asked; `named` saw to it that a digest is there
        selector = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
        try:
            with spoken(f"image {reference}"):
                found = self._client.describe_images(**self._where(image), imageIds=[cast(Any, selector)])
                detail = next(iter(found["imageDetails"]), None)
        except LookupError:
            detail = None
        if detail is None:
            at = urlsplit(self._client.meta.endpoint_url).hostname or ""
            home = image.host or _host(account(), region)
            raise missing(reference, image, home, local=at == "localhost" or at.startswith("127."))
        host = image.host or _host(detail["registryId"], region)
        return replace(image, host=host).pinned(detail["imageDigest"])

    def scan(self, image: str) -> Scan:
        """What is known of it; of an image for several processors, of each."""
        found = parse_image(image)
        if found.registry is None:
            return Scan(False, "not to be had, for the image isn't in ECR")
        with spoken(f"the scan of {image}"):
            return worst([self._scan(found, digest) for digest in self._parts(found)])

    def processors(self, image: str) -> tuple[str, ...]:
        """What an image for several processors is for; empty for one that says nothing of it in its manifest."""
        found = parse_image(image)
        if found.registry is None:
            return ()
        with spoken(f"the image {image}"):
            manifest = json.loads(self._manifest(found)["imageManifest"])
        named = [one.get("platform", {}).get("architecture", "") for one in manifest.get("manifests", ())]
        return tuple(dict.fromkeys(NAMES.get(name, name) for name in named if name not in ("", "unknown")))

    def tagged(self, image: str, prefix: str) -> Mapping[str, Tagged]:
        """The tags of the image's repository that begin so."""
        found = parse_image(image)
        held: list[tuple[str, str]] = []
        with spoken(f"the repository {found.name}"):
            pages = self._client.get_paginator("list_images").paginate(
                **self._where(found), filter={"tagStatus": "TAGGED"}
            )
            held += [(one["imageTag"], one["imageDigest"]) for page in pages for one in page["imageIds"]]
        digests = [digest for _, digest in held]
        return {tag: Tagged(digest, digests.count(digest) == 1) for tag, digest in held if tag.startswith(prefix)}

    def tag(self, image: str, tag: str) -> None:
        """One more tag for it; one that it has already is fine."""
        found = parse_image(image)
        with spoken(f"the image {image}"):
            held = self._manifest(found)
            media = (
                {"imageManifestMediaType": held["imageManifestMediaType"]} if "imageManifestMediaType" in held else {}
            )
            try:
                self._client.put_image(
                    **self._where(found),
                    imageManifest=held["imageManifest"],
                    imageTag=tag,
                    imageDigest=found.digest,
                    **media,
                )
            except self._client.exceptions.ImageAlreadyExistsException:
                return

    def untag(self, image: str, tag: str) -> None:
        """Takes a tag away. ECR deletes an image with its last one."""
        found = parse_image(image)
        with spoken(f"the repository {found.name}"):
            self._client.batch_delete_image(**self._where(found), imageIds=[{"imageTag": tag}])

    def _scan(self, image: Image, digest: str) -> Scan:
        try:
            answer = self._client.describe_image_scan_findings(**self._where(image), imageId={"imageDigest": digest})
        except self._client.exceptions.ScanNotFoundException:
            return Scan(False, "not there")
        state = answer.get("imageScanStatus", {}).get("status", "not there")
        counts = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {})
        return Scan(state in _DONE, state, {str(name): number for name, number in counts.items()})

    def _parts(self, image: Image) -> list[str]:
        """Its digest, or those that its index lists; attestations have no processor."""
        manifest = json.loads(self._manifest(image)["imageManifest"])
        parts = [
            one["digest"]
            for one in manifest.get("manifests", ())
            if one.get("platform", {}).get("architecture") != "unknown"
        ]
        return parts or [image.digest]

    def _manifest(self, image: Image) -> Mapping[str, Any]:
        answer = self._client.batch_get_image(
            **self._where(image), imageIds=[{"imageDigest": image.digest}], acceptedMediaTypes=[*_INDEX, *_PLAIN]
        )
        if not answer["images"]:
            raise LookupError(image.name)
        return cast("Mapping[str, Any]", answer["images"][0])

    @staticmethod
    def _where(image: Image) -> dict[str, Any]:
        return {"repositoryName": image.name, **({"registryId": image.registry[0]} if image.registry else {})}


def _host(account: str, region: str) -> str:
    """An account's own registry in a region."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}"
