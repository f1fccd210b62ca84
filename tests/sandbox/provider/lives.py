"""The whole life of one resource, told by what its inputs are and what changing each of them should do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.protocol import Change, ProviderError
from sandbox.provider.values import bare
from tests.sandbox.provider.life import Life

_numbers = itertools.count(1)
GONE = object()
"""An input that is taken away."""

Inputs = dict[str, Any]


class World:
    """Makes what a resource stands on: once for all tests, where it is only stood on."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self._shared: dict[str, Life] = {}

    def life(self, type_: str) -> Life:
        return Life(self.provider, type_, f"r{next(_numbers)}")

    def make(self, type_: str, **inputs: Any) -> Life:
        return self.life(type_).create(inputs)

    def share(self, name: str, make: Callable[[], Life]) -> Life:
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def another_vpc(self) -> Life:
        return self.make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")

    def vpc(self) -> Life:
        return self.share("vpc", self.another_vpc)

    def subnet(self, number: int = 0) -> Life:
        inputs = {
            "vpcId": self.vpc().id,
            "cidrBlock": f"10.0.{number}.0/24",
            "availabilityZone": f"us-east-1{'abc'[number]}",
        }
        return self.share(f"subnet {number}", lambda: self.make("aws:ec2/subnet:Subnet", **inputs))

    def security_group(self) -> Life:
        return self.make("aws:ec2/securityGroup:SecurityGroup", vpcId=self.vpc().id)

    def target_group(self) -> Life:
        return self.make("aws:lb/targetGroup:TargetGroup", port=8080, protocol="HTTP", vpcId=self.vpc().id)

    def target_groups(self) -> list[str]:
        return [self.share(f"target group {number}", self.target_group).id for number in (0, 1)]

    def balancer(self) -> Life:
        subnets = [self.subnet(number).id for number in (0, 1)]
        return self.share("balancer", lambda: self.make("aws:lb/loadBalancer:LoadBalancer", subnets=subnets))

    def free_port(self) -> int:
        return 1000 + next(_numbers)

    def template(self) -> Life:
        inputs = {"imageId": "ami-12345678", "instanceType": "t3.medium"}
        return self.share("template", lambda: self.make("aws:ec2/launchTemplate:LaunchTemplate", **inputs))

    def role(self) -> Life:
        return self.make("aws:iam/role:Role", assumeRolePolicy=TRUST)


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
    '"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
)


@dataclass(frozen=True)
class Story:
    """`updates`: changes that are made in place, one after the other; `replaces`: such that make a new resource.

    `lost`: changes that moto takes and forgets, though AWS keeps them; sandbox.cloud mends those that it needs.
    `by_hand`: inputs that an import can't know, so that it shows them as a change."""

    type_: str
    inputs: Callable[[World], Inputs]
    updates: tuple[Inputs, ...] = ()
    replaces: tuple[Inputs, ...] = ()
    lost: tuple[Inputs, ...] = ()
    by_hand: frozenset[str] = field(default_factory=frozenset)
    import_id: Callable[[Life], str] = lambda life: life.id

    def tell(self, world: World) -> None:
        inputs = self.inputs(world)
        life = world.life(self.type_)
        planned = life.preview(inputs)
        assert planned.id == ""
        life.create(inputs)
        _foretold(planned.outputs, life.outputs)
        _settled(life, inputs)
        _imports(life, inputs, self.import_id(life), self.by_hand)
        for change in self.replaces:
            _replaces(life, _patched(inputs, _with(world, life, change)), change)
        for change in self.updates:
            inputs = _patched(inputs, _with(world, life, change))
            _updates(life, inputs, change)
        for change in self.lost:
            _loses(life, _patched(inputs, _with(world, life, change)), change)
        life.delete()
        assert life.read() is None
        life.delete()


def _with(world: World, life: Life, change: Inputs) -> Inputs:
    return {key: value(world, life) if callable(value) else value for key, value in change.items()}


def _patched(inputs: Inputs, change: Inputs) -> Inputs:
    return {key: value for key, value in {**inputs, **change}.items() if value is not GONE}


def _settled(life: Life, inputs: Inputs) -> None:
    """Neither what was answered nor what is read back differs from what was asked for."""
    found = life.diff(inputs)
    assert not found.changes, f"{life.type_}: just made, and yet {dict(found.detailed)}"
    before = bare(life.outputs)
    life.refresh()
    assert bare(life.outputs) == before, f"{life.type_}: a refresh found other outputs"
    found = life.diff(inputs)
    assert not found.changes, f"{life.type_}: just read back, and yet {dict(found.detailed)}"


def _foretold(planned: Inputs, outputs: Inputs) -> None:
    from sandbox.provider.values import is_unknown

    wrong = {
        key: (value, bare(outputs).get(key))
        for key, value in bare(planned).items()
        if not is_unknown(value)
        and isinstance(value, str | int | bool)
        and key != "id"
        and value != bare(outputs).get(key)
    }
    assert not wrong, f"foretold otherwise than it came: {wrong}"
    missing = outputs.keys() - planned.keys() - {"id"}
    assert not {key for key in missing if outputs[key] not in (None, "", 0, False, [], {})}, missing


def _imports(life: Life, inputs: Inputs, id_: str, by_hand: frozenset[str]) -> None:
    found = life.imported(id_)
    assert found is not None
    twin = Life(life.provider, life.type_, life.name, found.inputs, found.outputs, found.id)
    twin.inputs = {**twin.inputs, "__defaults": life.inputs.get("__defaults", [])}
    seen = {path.split(".")[0].split("[")[0] for path in twin.diff(inputs).detailed}
    assert seen <= by_hand, f"imported, and yet {seen}"


def _updates(life: Life, inputs: Inputs, change: Inputs) -> None:
    found = life.diff(inputs)
    touched = {path.split(".")[0].split("[")[0] for path in found.detailed}
    assert found.changes, f"{change} is no change"
    assert touched <= change.keys(), f"{change} also touched {touched}"
    assert not found.replaces, f"{change} replaces by {found.replaces}"
    assert not found.delete_before_replace
    planned = life.update(inputs, preview=True)
    life.update(inputs)
    _foretold(planned, life.outputs)
    _settled(life, inputs)


def _loses(life: Life, inputs: Inputs, change: Inputs) -> None:
    """The call is made, and botocore finds nothing wrong with it; moto forgets all the same."""
    assert not life.diff(inputs).replaces
    life.update(inputs)
    forgotten = {path.split(".")[0].split("[")[0] for path in life.diff(inputs).detailed}
    assert forgotten == change.keys(), f"moto forgot {forgotten} of {change.keys()}"


def _replaces(life: Life, inputs: Inputs, change: Inputs) -> None:
    found = life.diff(inputs)
    assert set(found.replaces) & change.keys(), f"{change} does not replace: {dict(found.detailed)}"
    kinds = {Change.ADD_REPLACE, Change.UPDATE_REPLACE, Change.DELETE_REPLACE}
    assert kinds & set(found.detailed.values())


def refused(life: Life, inputs: Inputs) -> str:
    """Why a program's inputs are refused before anything is made."""
    reasons = [f"{failure.property}: {failure.reason}" for failure in life.check(inputs).failures]
    assert reasons, "these inputs were taken"
    return "\n".join(reasons)


__all__ = ["GONE", "TRUST", "ProviderError", "Story", "World", "refused"]
