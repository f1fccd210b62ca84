"""What ECS keeps: clusters, task definitions, services with deployments and revisions, tasks. Values, no behaviour."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud.stores import ACCOUNT

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
UP = ("RUNNING", "DEACTIVATING")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class Cluster:
    name: str
    region: str
    settings: list[dict[str, str]]
    configuration: dict[str, Any] | None = None
    capacity_providers: list[str] = field(default_factory=list)
    default_strategy: list[dict[str, Any]] = field(default_factory=list)
    service_connect: dict[str, Any] | None = None
    status: str = "ACTIVE"

    @property
    def arn(self) -> str:
        return arn(self.region, f"cluster/{self.name}")


@dataclass(eq=False)
class Definition:
    """A revision of a task definition. `given`: what it was registered with, defaults filled in."""

    family: str
    revision: int
    region: str
    given: dict[str, Any]
    registered_at: datetime = field(default_factory=now)
    deregistered_at: datetime | None = None
    status: str = "ACTIVE"

    @property
    def arn(self) -> str:
        return arn(self.region, f"task-definition/{self.family}:{self.revision}")

    @property
    def containers(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.given["containerDefinitions"]
        return held


@dataclass(eq=False)
class Revision:
    """What a service runs from one deployment to the next."""

    arn: str
    definition: Definition
    launch_type: str | None
    strategy: list[dict[str, Any]]
    platform_version: str
    load_balancers: list[dict[str, Any]]
    network: dict[str, Any] | None
    created_at: datetime = field(default_factory=now)
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Deployment:
    """One in a service's list. `failures`: tasks in a row that didn't come up; `next_start`: simulated seconds."""

    revision: Revision
    id: str = field(default_factory=lambda: f"ecs-svc/{random.randint(10**18, 9 * 10**18)}")
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    state: str = "IN_PROGRESS"
    reason: str = ""
    failures: int = 0
    failed_tasks: int = 0
    next_start: float = 0.0

    def become(self, state: str, reason: str) -> None:
        self.state, self.reason, self.updated_at = state, reason, now()


@dataclass(eq=False)
class ServiceDeployment:
    """What happened from the request for a deployment until it was complete or taken back."""

    arn: str
    sources: list[Revision]
    target: Revision
    configuration: dict[str, Any]
    deployment: Deployment
    status: str = "PENDING"
    reason: str | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    updated_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    breaker: str = "DISABLED"
    failures: int = 0
    threshold: int = 0
    rollback: dict[str, Any] | None = None
    back: Deployment | None = None

    @property
    def ended(self) -> bool:
        return self.finished_at is not None

    def become(self, status: str, reason: str | None = None, *, ends: bool = False) -> None:
        self.status, self.updated_at = status, now()
        self.reason = reason or self.reason
        if ends:
            self.finished_at = self.updated_at


@dataclass(eq=False)
class Service:
    name: str
    cluster: Cluster
    desired: int
    configuration: dict[str, Any]
    grace: int
    given: dict[str, Any]
    role: str
    status: str = "ACTIVE"
    deployments: list[Deployment] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    service_deployments: list[ServiceDeployment] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    steady: bool = False
    last_completed: Deployment | None = None

    @property
    def arn(self) -> str:
        return arn(self.cluster.region, f"service/{self.cluster.name}/{self.name}")

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    def say(self, message: str) -> None:
        said = {"id": str(uuid.uuid4()), "createdAt": now(), "message": f"(service {self.name}) {message}"}
        self.events.insert(0, said)
        del self.events[100:]


@dataclass
class Container:
    definition: dict[str, Any]
    status: str = "PENDING"
    exit_code: int | None = None
    reason: str | None = None
    digest: str | None = None
    health: str = "UNKNOWN"
    runtime_id: str = ""

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        return bool(self.definition.get("essential", True))


@dataclass(eq=False)
class Task:
    """`due`: when its next state is, `exits_at`: when its app ends by itself; simulated seconds."""

    id: str
    cluster: Cluster
    definition: Definition
    group: str
    containers: list[Container]
    subnet: Any
    groups: list[str]
    ip: str
    mac: str
    given: dict[str, Any]
    service: Service | None = None
    deployment: Deployment | None = None
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    due: float = 0.0
    exits_at: float = float("inf")
    exit_code: int = 0
    exit_reason: str | None = None
    app: str | None = None
    bound: tuple[str, int] | None = None
    address: str = ""
    port: int = 0
    tag: str = ""
    color: str = ""
    registered: list[tuple[str, int]] = field(default_factory=list)
    stop_code: str | None = None
    stopped_reason: str | None = None
    times: dict[str, datetime] = field(default_factory=dict)
    started: float | None = None
    was_healthy: bool = False
    version: int = 1

    @property
    def region(self) -> str:
        return self.cluster.region

    @property
    def arn(self) -> str:
        return arn(self.region, f"task/{self.cluster.name}/{self.id}")

    @property
    def stays(self) -> bool:
        """Whether it is meant to run on."""
        return self.desired == "RUNNING"

    @property
    def launch_type(self) -> str:
        return str(self.given.get("launchType") or "FARGATE")


def arn(region: str, rest: str) -> str:
    return f"arn:aws:ecs:{region}:{ACCOUNT}:{rest}"


@dataclass
class Started:
    """What a client token has started: by which request, which tasks; `until`: simulated seconds."""

    request: dict[str, Any]
    tasks: list[Task]
    until: float


@dataclass
class Store:
    """Of one region. `tags`: by ARN; `started`: by cluster and client token."""

    region: str
    clusters: dict[str, Cluster] = field(default_factory=dict)
    families: dict[str, list[Definition]] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    started: dict[tuple[str, str], Started] = field(default_factory=dict)
