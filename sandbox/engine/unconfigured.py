"""Stands in, during a preview, for a provider whose configuration is not known yet."""
# ruff: noqa: ARG002 - the parameters are those of the protocol

from __future__ import annotations

from collections.abc import Sequence

from pulumi.runtime.proto import provider_pb2

from sandbox.engine import values
from sandbox.engine.protocol import UNKNOWN, Checked, Difference, Made, Properties, Provider, ProviderError


class Unconfigured:
    def __init__(self, provider: Provider) -> None:
        self.name, self.version = provider.name, provider.version
        self._provider = provider

    def check_config(self, inputs: Properties) -> Checked:
        return Checked(inputs)

    def configure(self, inputs: Properties) -> None:
        raise ProviderError("a provider can't be configured with unknown values")

    def check(self, urn: str, type_: str, olds: Properties | None, news: Properties, random_seed: bytes) -> Checked:
        return Checked(news)

    def diff(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> Difference:
        return Difference(bool(values.changed_keys(old_inputs, news)))

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made:
        return Made("", news)

    def update(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
        timeout: float | None,
    ) -> Properties:
        return news

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> None:
        raise ProviderError(f"the provider of {urn} is not configured yet")

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None:
        raise ProviderError(f"the provider of {urn} is not configured yet")

    def invoke(self, token: str, args: Properties) -> Properties:
        return {"": UNKNOWN}

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        return self._provider.construct(request)

    def cancel(self) -> None:
        self._provider.cancel()
