"""A stack under Pulumi's mocks: what the program reads, and what it registers of which inputs and options."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, set_all_config
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

from infra.program import Context, Refusal, release_digest, run
from infra.record import Deployed, Intent, Release, deployed_data, intent_text, parse_deployed, to_data
from infra.settings import load
from infra.steps import filled

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ACCOUNT, REGION = "111122223333", "eu-central-1"
SHA = "sha256:" + "a1" * 32
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:1.1.0@sha256:{'b2' * 32}"
"""The second release."""
PRODUCTION_RULE = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/production-rule"


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it. Inputs in camelCase; whole numbers as int."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    dependencies: frozenset[str]
    ignored: tuple[str, ...]
    protected: bool
    aliases: tuple[str, ...] = ()
    """Names that it may have had before."""

    @property
    def needs(self) -> frozenset[str]:
        """What it waits for, the digests of releases left out."""
        return frozenset(plain(name) for name in self.dependencies)

    @property
    def said(self) -> tuple[object, ...]:
        """All of it but what it waits for."""
        return self.type, self.name, self.inputs, self.parent, self.ignored, self.protected


class Runs(dict[str, Any]):
    """What runs of the program came to. `enabled` is off where a test changes the program itself."""

    enabled = True

    def __contains__(self, key: object) -> bool:
        return self.enabled and super().__contains__(key)


RUNS = Runs()
READ = ("parameters", "balancers", "live", "closed", "tags", "secrets", "secret_keys")


@dataclass
class World:
    """What the mocks answer, and what they were asked."""

    parameters: dict[str, str] = field(default_factory=dict)
    balancers: list[str] = field(default_factory=list)
    live: dict[str, int] | None = None
    """ARN -> weight of the live production rule."""
    closed: bool = False
    """Nothing can be read at all."""
    tags: dict[str, str] = field(default_factory=lambda: {"1.0.0": SHA})
    secrets: dict[str, str] = field(default_factory=dict)
    """Name -> text."""
    secret_keys: dict[str, str] = field(default_factory=dict)
    """Name -> the key of the account's own that it is encrypted with."""
    invoked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def holds(self, deployed: Deployed | None = None, intent: Intent | None = None) -> World:
        if deployed is not None:
            self.parameters["record"] = json.dumps(deployed_data(deployed))
        if intent is not None:
            self.parameters["intent"] = intent_text(intent)
        return self

    def up(self, config: Mapping[str, Any], stack: str = "dev", context: Context | None = None) -> World:
        """Runs the program once. The record it writes is what the next run finds.

        What it makes hangs on nothing but what it reads: the same run is looked up, not repeated (see `RUNS`).
        """
        context = context or Context("ann", "a test", NOW)
        known = self._what_it_reads(config, stack, context)
        if known not in RUNS:
            self._run(config, stack, context)
            if RUNS.enabled and context.now is not None:
                RUNS[known] = copy.deepcopy((self.invoked, self.resources, self.outputs, self.parameters))
            return self
        self.invoked, self.resources, self.outputs, self.parameters = copy.deepcopy(RUNS[known])
        return self

    def _what_it_reads(self, config: Mapping[str, Any], stack: str, context: Context) -> str:
        mine = [getattr(self, name) for name in READ]
        return json.dumps([mine, as_config(config), stack, repr(context)], sort_keys=True)

    def _run(self, config: Mapping[str, Any], stack: str, context: Context) -> None:
        self.invoked, self.resources, self.outputs = [], [], {}
        # `asyncio.run` of another test leaves the thread without a loop, which the stack's own resource wants already.
        _ensure_event_loop()
        monitor = Monitor(Answers(self))
        mocks.set_mocks(Answers(self), project="shop", stack=stack, monitor=monitor)
        set_all_config(as_config(config))

        def program() -> None:
            run(context)
            root = get_root_resource()
            assert root is not None
            pulumi.Output.all(**root.outputs).apply(self.outputs.update)  # type: ignore[union-attr]

        self.resources = monitor.registered
        _sync_await(run_pulumi_func(program))
        written = self.one("record").inputs["insecureValue"] if self.named("record") else None
        if written:
            self.parameters["record"] = written
            self.parameters.pop("intent", None)

    def named(self, name: str) -> list[Registered]:
        """By its name, with or without the digest of the release that it is of."""
        own = [found for found in self.resources if not found.type.startswith("bluegreen:")]
        return [found for found in own if name in (found.name, plain(found.name))]

    def one(self, name: str) -> Registered:
        (found,) = self.named(name)
        return found

    def of_type(self, kind: str) -> list[Registered]:
        return [found for found in self.resources if found.type == kind]

    @property
    def deployed(self) -> Deployed:
        return parse_deployed(self.parameters["record"])


class Monitor(mocks.MockMonitor):
    """Pulumi's own mock monitor, which forgets options; this one keeps them."""

    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        inputs = whole(json.loads(json.dumps(pulumi.runtime.rpc.deserialize_properties(request.object))))
        # The mocks make one root for all programs of a process: its name says nothing.
        parent = "" if "pulumi:pulumi:Stack::" in request.parent else request.parent.rpartition("::")[2]
        needed = frozenset(urn.rpartition("::")[2] for urn in request.dependencies)
        ignored = tuple(request.ignoreChanges)
        former = tuple(alias.spec.name for alias in request.aliases)
        self.registered.append(
            Registered(request.type, request.name, inputs, parent, needed, ignored, request.protect, former)
        )
        return answer


class NotThere(grpc.RpcError):
    """How an invoke fails on a real engine."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "couldn't find resource"


class Answers(mocks.Mocks):
    """The cloud's side: ids from names, and what the world holds."""

    def __init__(self, world: World) -> None:
        self.world = world

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        name, outputs = args.name, dict(args.inputs)
        outputs.setdefault("name", f"{name}-0a1b2c3")
        outputs["arn"] = f"arn:aws:{args.typ.partition(':')[2]}:{name}"
        if args.typ == "aws:lb/listenerRule:ListenerRule":
            outputs["arn"] = PRODUCTION_RULE.replace("production-rule", name)
        elif args.typ == "aws:lb/loadBalancer:LoadBalancer":
            outputs["dnsName"] = "balancer-1.eu-central-1.elb.amazonaws.com"
            outputs["arnSuffix"] = f"app/{name}/1"
        elif args.typ == "aws:lb/targetGroup:TargetGroup":
            outputs["arnSuffix"] = f"targetgroup/{name}/1"
        elif args.typ == "aws:s3/bucket:Bucket":
            outputs |= {"bucket": f"{name}-0a1b2c3", "arn": f"arn:aws:s3:::{name}-0a1b2c3"}
        elif args.typ == "aws:s3/bucketObjectv2:BucketObjectv2":
            outputs["versionId"] = f"version-of-{name}"
        elif args.typ == "aws:secretsmanager/secret:Secret":
            outputs["arn"] = secret_arn(args.inputs["name"])
        elif args.typ == "aws:elasticache/replicationGroup:ReplicationGroup":
            outputs["primaryEndpointAddress"] = "master.cache.example"
        elif args.typ == "aws:ecr/repository:Repository":
            outputs["repositoryUrl"] = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{args.inputs['name']}"
        elif args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            outputs["latestVersion"] = 1
        elif args.typ == "awsx:ec2:Vpc":
            ids = {"publicSubnetIds": ["subnet-a", "subnet-b"], "privateSubnetIds": ["subnet-c", "subnet-d"]}
            outputs = {"vpcId": "vpc-1", **ids}
        return f"{name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        self.world.invoked.append((args.token, dict(args.args)))
        world = self.world
        match args.token:
            case "aws:ssm/getParametersByPath:getParametersByPath":
                if world.closed:
                    raise NotThere
                names = [f"{args.args['path']}/{name}" for name in world.parameters]
                return {"names": names, "values": list(world.parameters.values())}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT}
            case "aws:index/getRegion:getRegion":
                return {"region": REGION}
            case "aws:lb/getLbs:getLbs":
                return {"arns": world.balancers}
            case "aws:ssm/getParameter:getParameter":
                return {"value": "ami-0123456789abcdef0"}
            case "aws:ecr/getImage:getImage":
                if args.args["imageTag"] not in world.tags:
                    raise NotThere
                return {"imageDigest": world.tags[args.args["imageTag"]]}
            case "aws:secretsmanager/getSecret:getSecret":
                name = args.args.get("name") or secret_name(args.args["arn"])
                if name not in world.secrets:
                    raise NotThere
                return {"arn": secret_arn(name), "name": name, "kmsKeyId": world.secret_keys.get(name, "")}
            case "aws:secretsmanager/getSecretVersion:getSecretVersion":
                if args.args["secretId"] not in world.secrets:
                    raise NotThere
                return {"secretString": world.secrets[args.args["secretId"]]}
            case "aws:ec2/getRouteTables:getRouteTables":
                return {"ids": [f"rtb-of-{one}" for one in args.args["filters"][0]["values"]]}
            case "aws:lb/getListenerRule:getListenerRule":
                groups = [{"arn": arn, "weight": weight} for arn, weight in (world.live or {}).items()]
                return {"actions": [{"type": "forward", "forwards": [{"targetGroups": groups}]}]}
        raise AssertionError(f"the program asked for {args.token}")


def bundle_of(world: World, fill: str) -> dict[str, str]:
    """The files that a release's instances fetch, by name."""
    raw = base64.b64decode(world.one(f"{fill}-bundle").inputs["contentBase64"])
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as packed:
        return {one.name: packed.extractfile(one).read().decode() for one in packed}  # type: ignore[union-attr]


def plain(name: str) -> str:
    """`blue-1-r0123456789a-template` as `blue-1-template`."""
    return re.sub(r"^((?:blue|green)-\d+)-r[0-9a-f]{11}-", r"\1-", name)


def secret_arn(name: str) -> str:
    """With the six signs that Secrets Manager adds."""
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-a1B2c3"


def secret_name(arn: str) -> str:
    return arn.rpartition("secret:")[2].removesuffix("-a1B2c3")


def whole(value: Any) -> Any:
    """The wire knows floats only."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    return [whole(inner) for inner in value] if isinstance(value, list) else value


def as_config(config: Mapping[str, Any]) -> dict[str, str]:
    """Config as Pulumi hands it over: text, and JSON text for objects."""
    return {
        key if ":" in key else f"bluegreen:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }


def shipped(stack: str) -> dict[str, Any]:
    """The config of one of the stacks that the project comes with."""
    return dict(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"])


def stack_file(stack: str) -> dict[str, Any]:
    """The same on its first platform alone, for tests that are about that one."""
    return {key: value for key, value in shipped(stack).items() if key != "bluegreen:platforms"}


def copy_of(deployed: Deployed) -> dict[str, Any]:
    """The record keys as `sync` writes them."""
    return {**to_data(deployed.record), "basedOn": deployed.basis}


def with_standby(world: World, config: Mapping[str, Any], stack: str = "dev", image: str = IMAGE) -> World:
    """Deploys a second release to the other color, on a copy of the record, as a driver does."""
    was = world.deployed
    release = Release("compose", image, release_digest(load(as_config(config), "shop", stack), "compose", image))
    wish = filled(was, release, NOW, floor=2)
    return world.up({**config, **to_data(wish), "basedOn": was.basis}, stack)


@cache
def _text_of_both() -> str:
    world = World().up(stack_file("dev"))
    return with_standby(world, stack_file("dev")).parameters["record"]


def both_filled(world: World) -> Deployed:
    """A world in which `dev` has had two deploys. The program ran them once for all tests."""
    world.parameters["record"] = _text_of_both()
    return world.deployed


@cache
def at_rest() -> World:
    """`dev` after two deploys and one update that changed nothing. Only to look at."""
    world = World()
    both_filled(world)
    return world.up(stack_file("dev"))


def refused(world: World, config: dict[str, Any], context: Context | None = None) -> Refusal:
    """Runs the program, which must refuse, with nothing registered."""
    with pytest.raises(Refusal) as caught:
        world.up(config, context=context)
    assert world.resources == []
    return caught.value
