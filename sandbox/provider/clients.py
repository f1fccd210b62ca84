"""boto3 clients against the sandbox's endpoint, which must be this machine's own."""

from __future__ import annotations

import functools
import ipaddress
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.engine.protocol import ProviderError

ENDPOINT = "AWS_ENDPOINT_URL"


class Clients:
    """One client per service and region, made when first needed: each costs some 30 ms."""

    _making = threading.Lock()

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._endpoint = loopback_endpoint(environ)
        self._key_id = environ.get("AWS_ACCESS_KEY_ID", "")
        self._key = environ.get("AWS_SECRET_ACCESS_KEY", "")
        self._token = environ.get("AWS_SESSION_TOKEN") or None
        self._account = ""
        self._made: dict[tuple[str, str], Any] = {}

    def use_keys(self, key_id: str, key: str) -> None:
        self._key_id, self._key = key_id, key

    def require_keys(self) -> None:
        if not (self._key_id and self._key):
            raise ProviderError(
                "No valid credential sources found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. "
                "`bluegreen sandbox env` prints the sandbox's."
            )

    def __call__(self, service: str, region: str) -> Any:
        made = self._made.get((service, region))
        if made is not None:
            return made
        with self._making:
            if (service, region) not in self._made:
                self._made[service, region] = self._make(service, region)
            return self._made[service, region]

    def account(self, region: str) -> str:
        """The account that the keys belong to; asked for once."""
        if not self._account:
            self._account = str(self("sts", region).get_caller_identity()["Account"])
        return self._account

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config

        return session().create_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=self._key_id,
            aws_secret_access_key=self._key,
            aws_session_token=self._token,
            config=Config(
                retries={"mode": "standard", "max_attempts": 3},
                connect_timeout=5,
                read_timeout=60,
                proxies={},
                max_pool_connections=32,
                s3={"addressing_style": "path"},
            ),
        )


@functools.cache
def session() -> Any:
    """One for the process: reading AWS's API descriptions is what makes a first client slow."""
    import botocore.session

    return botocore.session.Session()


def loopback_endpoint(environ: Mapping[str, str]) -> str:
    """The sandbox's address. Raises ProviderError where there is none, or where it is not on this machine."""
    endpoint = environ.get(ENDPOINT, "")
    if not endpoint:
        raise ProviderError(
            f"{ENDPOINT} is not set: this provider only speaks to a sandbox on this machine. "
            "`bluegreen sandbox start` starts one, `bluegreen sandbox env` prints its address."
        )
    host = urlsplit(endpoint).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    if not local:
        raise ProviderError(f"{ENDPOINT} is {endpoint}: this provider only speaks to a sandbox on this machine")
    return endpoint
