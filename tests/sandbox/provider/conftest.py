"""One moto server for the whole session, emptied between tests, and a provider that speaks to it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.engine.protocol import UNKNOWN, Checked, Difference, Found, Made, Properties, Secret
from sandbox.provider.aws import AwsProvider
from sandbox.provider.values import bare

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
def shared_provider(environ: dict[str, str]) -> AwsProvider:
    made = AwsProvider(environ)
    made.configure({"region": "us-east-1"})
    return made


@pytest.fixture
def provider(shared_provider: AwsProvider) -> Iterator[AwsProvider]:
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()
    yield shared_provider


@dataclass
class Life:
    """One resource under one provider, as the engine would lead it through its life."""

    provider: AwsProvider
    type_: str
    name: str = "thing"
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    id: str = ""

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::project::{self.type_}::{self.name}"

    def check(self, news: Properties) -> Checked:
        return self.provider.check(self.urn, self.type_, self.inputs or None, news, b"seed")

    def checked(self, news: Properties) -> Properties:
        checked = self.check(news)
        assert not checked.failures, checked.failures
        return checked.inputs

    def create(self, news: Properties) -> Life:
        self.inputs = {}
        self.inputs = self.checked(news)
        made = self.provider.create(self.urn, self.type_, self.inputs, preview=False, timeout=None)
        self.id, self.outputs = made.id, made.outputs
        assert made.id
        return self

    def preview(self, news: Properties) -> Made:
        return self.provider.create(self.urn, self.type_, self.checked(news), preview=True, timeout=None)

    def diff(self, news: Properties, ignore: tuple[str, ...] = ()) -> Difference:
        wanted = self.checked(news)
        return self.provider.diff(self.urn, self.type_, self.id, self.inputs, self.outputs, wanted, ignore)

    def update(self, news: Properties, ignore: tuple[str, ...] = (), *, preview: bool = False) -> Properties:
        wanted = self.checked(news)
        outputs = self.provider.update(
            self.urn, self.type_, self.id, self.inputs, self.outputs, wanted, ignore, preview=preview, timeout=None
        )
        if not preview:
            self.inputs, self.outputs = wanted, outputs
        return outputs

    def read(self) -> Found | None:
        return self.provider.read(self.urn, self.type_, self.id, self.inputs, self.outputs)

    def refresh(self) -> None:
        found = self.read()
        assert found is not None
        self.inputs, self.outputs = found.inputs, found.outputs

    def imported(self) -> Found | None:
        return self.provider.read(self.urn, self.type_, self.id, {}, {})

    def delete(self) -> None:
        self.provider.delete(self.urn, self.type_, self.id, self.inputs, self.outputs, None)

    def __getitem__(self, key: str) -> Any:
        return bare(self.outputs)[key]


__all__ = ["UNKNOWN", "Life", "Secret"]


@pytest.fixture
def aws(provider: AwsProvider, environ: dict[str, str]) -> Any:
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
