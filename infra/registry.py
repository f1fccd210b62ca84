"""Which image a tag means right now, by the registry's own word."""

from __future__ import annotations

import pulumi_aws as aws

from infra.images import parse_image
from infra.refusal import refuse


def resolved(text: str, account: str, region: str, *, made_here: bool = False) -> str:
    """The image of a setting by digest. One without a host lies in the account's own ECR. Raises Refusal.

    `made_here`: the stack makes the repository, so before its first release there may be none.
    """
    image = parse_image(text)
    host = image.host or f"{account}.dkr.ecr.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    named = parse_image(f"{host}/{text}" if not image.host else text)
    if named.digest:
        return named.pinned(named.digest)
    owner, place = named.registry or (account, region)
    try:
        found = aws.ecr.get_image(registry_id=owner, region=place, repository_name=named.name, image_tag=named.tag)
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        if made_here:
            why += (
                "; the stack makes this repository (registry.create), which is not there before its first release: "
                "push to one that is, or name the first image by digest from elsewhere"
            )
        raise refuse(
            "image-not-found",
            f"the image {text} can't be resolved to a digest",
            why,
            f"$ aws ecr describe-images --repository-name {named.name} --image-ids imageTag={named.tag}",
        ) from None
    return named.pinned(found.image_digest)
