"""The object store that a stack's state lies in, as far as one of its locks goes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.config
import botocore.session

from driver.cloud.failures import spoken

_YES = {"true", "1"}


def delete_object(url: str) -> None:
    """Deletes what an s3:// URL names; its query says region, endpoint and profile as Pulumi's backend URLs do.

    Raises a Failure where AWS refuses; what is gone already is fine.
    """
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint = asked.get("endpoint")
    if endpoint and "://" not in endpoint:
        plain = {asked.get("disableSSL"), asked.get("disable_https")} & _YES
        endpoint = f"{'http' if plain else 'https'}://{endpoint}"
    by_path = {asked.get("s3ForcePathStyle"), asked.get("use_path_style")} & _YES
    config = botocore.config.Config(
        connect_timeout=3, read_timeout=20, s3={"addressing_style": "path"} if by_path else None
    )
    with spoken(f"the bucket {parts.netloc}"):
        session = botocore.session.Session(profile=asked.get("profile"))
        client: Any = session.create_client("s3", region_name=asked.get("region"), endpoint_url=endpoint, config=config)
        client.delete_object(Bucket=parts.netloc, Key=unquote(parts.path).lstrip("/"))
