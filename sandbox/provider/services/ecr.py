"""Finding images."""

from __future__ import annotations

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider.resource import Job


def get_image(job: Job) -> Properties:
    """By digest, by tag, or the most recent one."""
    client, wanted = job.client("ecr"), job.news
    name = wanted["repositoryName"]
    registry = {"registryId": wanted["registryId"]} if "registryId" in wanted else {}
    image_id: dict[str, str] = {key: wanted[key] for key in ("imageDigest", "imageTag") if key in wanted}
    if not image_id and not wanted.get("mostRecent"):
        raise ProviderError("one of imageDigest, imageTag, mostRecent must be specified")
    asked = {"imageIds": [image_id]} if image_id else {}
    pages = client.get_paginator("describe_images").paginate(repositoryName=name, **registry, **asked)
    found = sorted((held for page in pages for held in page["imageDetails"]), key=lambda held: held["imagePushedAt"])
    if not found:
        raise ProviderError(f"no images found in repository {name}")
    image = found[-1]
    repository = client.describe_repositories(repositoryNames=[name], **registry)["repositories"][0]
    return {
        **image_id,
        "id": image["imageDigest"],
        "imageDigest": image["imageDigest"],
        "imagePushedAt": int(image["imagePushedAt"].timestamp()),
        "imageSizeInBytes": image.get("imageSizeInBytes", 0),
        "imageTags": image.get("imageTags", []),
        "imageUri": f"{repository['repositoryUri']}@{image['imageDigest']}",
        "mostRecent": bool(wanted.get("mostRecent", False)),
        "region": job.region,
        "registryId": image["registryId"],
        "repositoryName": name,
    }


LOOKUPS = {"aws:ecr/getImage:getImage": get_image}
