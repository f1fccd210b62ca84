"""Images in ECR: pushed by tag, run by digest."""

import hashlib
import json
import re
from dataclasses import dataclass

from sandbox.cloud import stores

_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class NoSuchImage(Exception):
    """Why an image can't be pulled."""


@dataclass(frozen=True)
class Pulled:
    digest: str
    tag: str


def push(repository: str, tag: str, region: str) -> dict[str, str]:
    """Makes the image, and its repository where there is none; the same tag gives the same digest each time."""
    name, region = _split(repository, region)
    backend = stores.ecr(region)
    if name not in backend.repositories:
        backend.create_repository(name, None, {}, {}, "MUTABLE", [])
    layer = "sha256:" + hashlib.sha256(f"{name}:{tag}".encode()).hexdigest()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MEDIA_TYPE,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7023, "digest": layer},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1, "digest": layer}],
        }
    )
    held = [image for image in backend.repositories[name].images if tag in image.image_tags]
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    if not any(image.image_digest == digest for image in held):
        backend.put_image(name, manifest, tag, _MEDIA_TYPE, digest)
    uri = f"{stores.ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{name}"
    return {"repository": uri, "tag": tag, "digest": digest, "image": f"{uri}@{digest}"}


def pull(image: str) -> Pulled:
    """Looks `repository@sha256:…` up in ECR. Raises NoSuchImage."""
    repository, _, digest = image.partition("@")
    if not digest.startswith("sha256:"):
        raise NoSuchImage(f"{image} names no digest")
    host, _, name = repository.partition("/")
    where = _HOST.fullmatch(host)
    if not where:
        raise NoSuchImage(f"{host} is not an ECR registry: the sandbox pulls from nowhere else")
    if where["account"] != stores.ACCOUNT:
        raise NoSuchImage(f"no basic auth credentials for {host} (the sandbox's account is {stores.ACCOUNT})")
    repositories = stores.ecr(where["region"]).repositories
    if name not in repositories:
        raise NoSuchImage(f"repository {name} does not exist in {where['region']}")
    for held in repositories[name].images:
        if held.image_digest == digest:
            # What a deploy marks as running says nothing of how the image behaves.
            tags = [tag for tag in held.image_tags if tag and not tag.startswith("live-")]
            return Pulled(digest, tags[-1] if tags else digest[7:19])
    raise NoSuchImage(f"manifest for {image} not found")


def digest(image: str) -> str:
    """Of an image in any region's ECR: `repository:tag`, `repository@sha256:…`, with or without the registry.

    Raises NoSuchImage.
    """
    name, _, named = image.partition("@")
    host, slash, rest = name.partition("/")
    name = rest if slash and _HOST.fullmatch(host) else name
    repository, _, tag = name.partition(":")
    for held in stores.repositories(repository):
        for one in held.images:
            if one.image_digest == named or (not named and (tag or "latest") in one.image_tags):
                return str(one.image_digest)
    raise NoSuchImage(f"no image {image} in ECR")


def repository_arn(image: str) -> str:
    """Of an image's repository in ECR; "" for one of another registry."""
    host, _, rest = image.partition("/")
    where = _HOST.fullmatch(host)
    name = rest.partition("@")[0].partition(":")[0]
    return f"arn:aws:ecr:{where['region']}:{where['account']}:repository/{name}" if where else ""


def _split(repository: str, region: str) -> tuple[str, str]:
    """A repository by name or by its full address, as name and region."""
    host, _, name = repository.partition("/")
    where = _HOST.fullmatch(host)
    return (name, where["region"]) if where and name else (repository, region)
