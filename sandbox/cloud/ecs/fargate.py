"""Which sizes Fargate has: CPU units with the memory that goes with them ("Task CPU and memory" in the guide). Pure."""

import re

from sandbox.cloud.ecs.refusals import client_error

_GIB = 1024
# MiB by CPU units, on Linux.
SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
_CPU = re.compile(r"(?i)\s*(\d+(?:\.\d+)?)\s*(vcpu)?\s*")
_MEMORY = re.compile(r"(?i)\s*(\d+(?:\.\d+)?)\s*(gb)?\s*")


def units(cpu: str) -> int:
    """CPU units of "256", ".25 vCPU", "1 vCPU". Raises Refused."""
    found = _CPU.fullmatch(cpu if not cpu.strip().startswith(".") else f"0{cpu.strip()}")
    if found is None or (found[2] is None and not found[1].isdigit()):
        raise client_error("Invalid 'cpu' setting for task.")
    return round(float(found[1]) * 1024) if found[2] else int(found[1])


def mebibytes(memory: str) -> int:
    """MiB of "512", "2GB", "0.5 GB". Raises Refused."""
    found = _MEMORY.fullmatch(memory)
    if found is None or (found[2] is None and not found[1].isdigit()):
        raise client_error("Invalid 'memory' setting for task.")
    return round(float(found[1]) * 1024) if found[2] else int(found[1])


def size(cpu: str | None, memory: str | None) -> tuple[int, int]:
    """CPU units and MiB, of a pair that Fargate has. Raises Refused."""
    if not cpu:
        raise client_error("Fargate requires that 'cpu' be defined at the task level.")
    if not memory:
        raise client_error("Fargate requires that 'memory' be defined at the task level.")
    wanted = units(cpu), mebibytes(memory)
    if wanted[1] not in SIZES.get(wanted[0], ()):
        raise client_error(
            f"No Fargate configuration exists for given values: {wanted[0]} CPU, {wanted[1]} memory. "
            "See the Amazon ECS documentation for the valid values."
        )
    return wanted
