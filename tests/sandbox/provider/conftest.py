"""One moto server for the whole session and a provider that speaks to it; names differ, so nothing is emptied."""

from __future__ import annotations

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
    """moto alone, with the calls that it lacks but without the sandbox's behaviour, behind a server that keeps
    connections alive."""
    from moto import backends
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.test import run_wsgi_app

    from sandbox.cloud import elasticache_api
    from sandbox.cloud.httpd import Server
    from sandbox.cloud.seam import Seam

    moto = DomainDispatcherApplication(create_backend_app)
    services = list(backends.list_of_moto_modules())

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        chunks, status, headers = run_wsgi_app(moto, environ, buffered=True)
        content = b"".join(chunks)
        if environ["REQUEST_METHOD"] != "HEAD":
            headers["Content-Length"] = str(len(content))
        start_response(status, list(headers))
        return [content]

    with pytest.MonkeyPatch.context() as patch:
        # moto looks through its folders at each request.
        patch.setattr(backends, "list_of_moto_modules", lambda: iter(services))
        seam = Seam()
        elasticache_api.install(seam)
        server = Server(application, 0)
        server.run()
        yield server.url
        server.close()
        seam.close()


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


@pytest.fixture(scope="session")
def world(provider: AwsProvider) -> World:
    return World(provider)
