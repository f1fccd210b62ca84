"""One resource under a provider, led through its life as the engine would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.protocol import Checked, Difference, Found, Made, Properties
from sandbox.provider.aws import AwsProvider
from sandbox.provider.values import bare


@dataclass
class Life:
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

    def imported(self, id_: str) -> Found | None:
        return self.provider.read(self.urn, self.type_, id_, {}, {})

    def delete(self) -> None:
        self.provider.delete(self.urn, self.type_, self.id, self.inputs, self.outputs, None)

    def __getitem__(self, key: str) -> Any:
        return bare(self.outputs)[key]
