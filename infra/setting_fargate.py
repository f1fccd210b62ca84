"""What can be set about the tasks of the platform `fargate`. Pure.

Limits: sizes from Fargate's table ("Task CPU and memory" in the ECS developer guide, Linux); health checks from ECS
HealthCheck (interval 5-300 s, timeout 2-120 s, retries 1-10, start period 0-300 s); a stop of up to 120 s on Fargate
(ContainerDefinition.stopTimeout); storage of 21-200 GiB (EphemeralStorage). Capacity bounds are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule

_GIB = 1024
SIZES: Mapping[int, Sequence[int]] = {
    256: (512, _GIB, 2 * _GIB),
    512: range(_GIB, 4 * _GIB + 1, _GIB),
    1024: range(2 * _GIB, 8 * _GIB + 1, _GIB),
    2048: range(4 * _GIB, 16 * _GIB + 1, _GIB),
    4096: range(8 * _GIB, 30 * _GIB + 1, _GIB),
    8192: range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB),
    16384: range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB),
}
"""MiB of memory that there are for so many CPU units (1024 are one virtual CPU)."""
LONGEST_STOP = 120
"""Seconds."""


def _cpu(value: object) -> object:
    if value not in SIZES:
        raise ValueError("no size of Fargate's")
    return value


CpuUnits: TypeAlias = Annotated[
    int, BeforeValidator(_cpu), Field(description=f"CPU units, one of {', '.join(map(str, SIZES))}")
]
User: TypeAlias = Annotated[
    str,
    # Not by name: which user a name is, is the image's word.
    Field(pattern=r"^[1-9]\d{0,8}(:\d{1,9})?$", description='a numeric user, or user and group as "1000:1000"; not 0'),
]
Writable: TypeAlias = Annotated[
    str, Field(pattern=r"^/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,7}$", description="an absolute path such as /tmp")
]


class ContainerCheck(Frozen):
    """ECS's own check inside the container. One that fails has its task replaced."""

    enabled: bool = Field(default=True, description="true or false: whether ECS checks the container from inside")
    command: Annotated[
        str, Field(max_length=1000, pattern=r"^[^\x00-\x1f]*$", description="a command line for the image's sh")
    ] = ""
    """Empty: a request to the health path by the image's curl or wget."""
    interval: int = kinds.whole(30, 5, 300, "seconds")
    timeout: int = kinds.whole(5, 2, 120, "seconds")
    retries: int = kinds.whole(3, 1, 10, "checks")
    start_period: int = kinds.whole(60, 0, 300, "seconds")

    @rule("timeout", "interval")
    def _answers_in_time(self) -> Iterator[Misfit]:
        if self.timeout >= self.interval:
            yield Misfit("timeout", self.timeout, f"less than the interval of {self.interval} seconds")


class Fargate(Frozen):
    """The tasks of the platform `fargate`: one container of the app each."""

    cpu: CpuUnits = 512
    memory: int = kinds.whole(1024, 512, 120 * _GIB, "MiB, as Fargate has it for the CPU units")
    architecture: Annotated[Literal["x86_64", "arm64"], Field(description="x86_64 or arm64")] = "x86_64"
    min: int = kinds.whole(2, 1, 1000, "tasks")
    desired: int | None = kinds.whole(None, 1, 1000, "tasks")
    max: int = kinds.whole(10, 1, 1000, "tasks")
    carries: float = kinds.number(1, 0.01, 1000, "against that of the other platforms")
    """What one task carries, relative to one instance of Compose with its own `carries`."""
    grace: int = kinds.whole(60, 0, 7200, "seconds")
    stop_grace: int | None = kinds.whole(None, 1, LONGEST_STOP, "seconds")
    storage: int | None = kinds.whole(None, 21, 200, "GiB")
    user: User | None = None
    read_only: bool = Field(default=True, description="true or false: whether the root file system is read-only")
    writable: Annotated[tuple[Writable, ...], Field(max_length=10, description="up to 10 absolute paths")] = ("/tmp",)
    health_check: ContainerCheck = ContainerCheck()
    spot: int = kinds.whole(0, 0, 100, "percent")
    exec: bool = Field(default=False, description="true or false: whether `aws ecs execute-command` may open a shell")

    @rule("cpu", "memory")
    def _a_size_there_is(self) -> Iterator[Misfit]:
        there = SIZES[self.cpu]
        if self.memory not in there:
            yield Misfit("memory", self.memory, f"for {self.cpu} CPU units: {_spoken(there)} MiB")

    @rule("min", "max")
    def _bounds(self) -> Iterator[Misfit]:
        if self.min > self.max:
            yield Misfit("min", self.min, f"not more than max, which is {self.max}")

    @rule("desired", "min", "max")
    def _within_bounds(self) -> Iterator[Misfit]:
        if self.desired is not None and not self.min <= self.desired <= self.max:
            yield Misfit("desired", self.desired, f"from min ({self.min}) to max ({self.max})")

    @rule("exec", "readOnly")
    def _exec_writes(self) -> Iterator[Misfit]:
        if self.exec and self.read_only:
            yield Misfit("exec", True, "false, unless readOnly is false: the agent of ECS Exec writes to the root")

    @rule("writable")
    def _each_once(self) -> Iterator[Misfit]:
        if len(set(self.writable)) != len(self.writable):
            yield Misfit("writable", self.writable, "paths that are each named once")


def _spoken(sizes: Sequence[int]) -> str:
    if len(sizes) <= 3:
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
