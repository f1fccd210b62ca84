"""One moto server for the whole session and a provider that speaks to it; names differ, so nothing is emptied."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.provider.aws import AwsProvider
from tests.sandbox.provider.lives import World

os.environ["MOTO_ACCOUNT_ID"] = "000000000000"
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def environ(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture(scope="session")
def provider(environ: dict[str, str]) -> AwsProvider:
    made = AwsProvider(environ)
    made.configure({"region": "us-east-1"})
    return made


@pytest.fixture
def aws(environ: dict[str, str]) -> Any:
    """boto3 itself, to look at and to change things behind the provider's back."""
    import boto3

    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )

    return client


@pytest.fixture
def world(provider: AwsProvider) -> World:
    return World(provider)
