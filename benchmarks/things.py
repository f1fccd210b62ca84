"""A provider whose resources are nothing: what an engine costs shows best where making a thing costs nothing."""
# ruff: noqa: ARG002 - the parameters are those of the protocol

from __future__ import annotations

from collections.abc import Sequence

from pulumi.runtime.proto import provider_pb2

from sandbox.engine.protocol import Change, Checked, Difference, Found, Made, Properties, ProviderError


class Things:
    """`things:index:Thing` takes any inputs and gives them back. Keeps nothing: the engine's state is all there is."""

    name = "things"
    version = "1.0.0"

    def check_config(self, inputs: Properties) -> Checked:
        return Checked(inputs)

    def configure(self, inputs: Properties) -> None:
        """Takes no configuration."""

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
        detailed = {key: Change.UPDATE for key in sorted(news) if old_inputs.get(key) != news[key]}
        return Difference(bool(detailed), (), detailed)

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made:
        return Made("" if preview else urn.rpartition("::")[2], news)

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

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> Found | None:
        return Found(id, old_inputs, old_outputs)

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None:
        """There is nothing to delete."""

    def invoke(self, token: str, args: Properties) -> Properties:
        raise ProviderError(f"unknown function {token}")

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        raise ProviderError(f"unknown component {request.type}")

    def cancel(self) -> None:
        """Nothing takes long enough."""


if __name__ == "__main__":
    from sandbox.engine import plugin

    plugin.serve(Things())
