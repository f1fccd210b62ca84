"""Settings of tasks: every size that Fargate has and those it hasn't, and what doesn't go together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.setting_fargate import SIZES
from infra.settings import Settings, SettingsError, load

GIB = 1024
# Of the guide's table ("Task CPU and memory"), written down apart from the program's.
TABLE = {
    256: [512, 1024, 2048],
    512: [1024, 2048, 3072, 4096],
    1024: [number * GIB for number in range(2, 9)],
    2048: [number * GIB for number in range(4, 17)],
    4096: [number * GIB for number in range(8, 31)],
    8192: [16384, 20480, 24576, 28672, 32768, 36864, 40960, 45056, 49152, 53248, 57344, 61440],
    16384: [32768, 40960, 49152, 57344, 65536, 73728, 81920, 90112, 98304, 106496, 114688, 122880],
}
PAIRS = [(cpu, memory) for cpu, sizes in TABLE.items() for memory in sizes]
STEPS = sorted({memory for sizes in TABLE.values() for memory in sizes} | {513, 1025, 2560, 31 * GIB})


def loaded(platforms: list[str] | None = None, **settings: Any) -> Settings:
    config = {"image": "shop:1.0.0", "platforms": platforms or ["compose", "fargate"], **settings}
    return load(
        {f"bluegreen:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()},
        "shop",
        "dev",
    )


def mistakes(**settings: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        loaded(**settings)
    return {problem.key: problem.allowed for problem in caught.value.problems}


def test_the_table_is_fargates() -> None:
    assert {cpu: list(sizes) for cpu, sizes in SIZES.items()} == TABLE


@pytest.mark.parametrize("cpu", TABLE)
def test_every_pair_of_the_table_is_taken_and_no_other(cpu: int) -> None:
    for memory in STEPS:
        size = {"cpu": cpu, "memory": memory}
        if (cpu, memory) in PAIRS:
            assert (loaded(fargate=size).fargate.cpu, loaded(fargate=size).fargate.memory) == (cpu, memory)
        else:
            found = mistakes(fargate=size)
            assert list(found) == ["bluegreen:fargate.memory"], memory
            assert f"for {cpu} CPU units" in found["bluegreen:fargate.memory"]


@pytest.mark.parametrize("cpu", [0, 128, 300, 32768, "512", True, 512.5])
def test_a_cpu_that_fargate_has_not_is_told_with_those_it_has(cpu: object) -> None:
    assert "256, 512, 1024" in mistakes(fargate={"cpu": cpu})["bluegreen:fargate.cpu"]


def test_the_answer_names_the_memory_there_is() -> None:
    said = mistakes(fargate={"cpu": 256, "memory": 4096})["bluegreen:fargate.memory"]
    assert said == "for 256 CPU units: 512, 1024, 2048 MiB"
    said = mistakes(fargate={"cpu": 8192, "memory": 17408})["bluegreen:fargate.memory"]
    assert said == "for 8192 CPU units: 16384 to 61440 in steps of 4096 MiB"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user", "0"),
        ("user", "0:0"),
        ("user", "root"),
        ("user", "1000:staff"),
        ("stopGrace", 121),
        ("storage", 20),
        ("storage", 201),
        ("writable", ["tmp"]),
        ("writable", ["/tmp", "/tmp"]),
        ("writable", ["/"]),
        ("architecture", "amd64"),
        ("spot", 101),
        ("carries", 0),
    ],
)
def test_what_a_task_can_not_have(key: str, value: object) -> None:
    assert [found.partition("fargate.")[2] for found in mistakes(fargate={key: value})] == [key] or key == "writable"


def test_values_that_do_not_go_together() -> None:
    assert "bluegreen:fargate.exec" in mistakes(fargate={"exec": True})
    assert loaded(fargate={"exec": True, "readOnly": False}).fargate.exec
    assert "bluegreen:fargate.min" in mistakes(fargate={"min": 5, "max": 4})
    assert "bluegreen:fargate.desired" in mistakes(fargate={"desired": 50})
    assert "bluegreen:fargate.healthCheck.timeout" in mistakes(fargate={"healthCheck": {"timeout": 30}})


def test_a_worker_has_so_many_tasks_as_is_set_within_limits() -> None:
    assert [one.count for one in loaded(workers=[{"name": "mail", "command": "work"}]).workers] == [1]
    for count in (1, 100):
        assert loaded(workers=[{"name": "mail", "command": "work", "count": count}]).workers[0].count == count
    for wrong in (0, 101, -1, "many", 1.5):
        found = mistakes(workers=[{"name": "mail", "command": "work", "count": wrong}])
        assert found == {"bluegreen:workers.0.count": "a whole number from 1 to 100 tasks"}, wrong
    assert "bluegreen:workers.0.command" in mistakes(workers=[{"name": "mail", "command": "it's"}])


def test_keys_with_colons_have_no_place_on_fargate() -> None:
    secrets = {"A": {"secret": "shop/a", "key": "a:b"}}
    assert "bluegreen:secrets.A.key" in mistakes(secrets=secrets)
    assert loaded(["compose"], secrets=secrets).secrets


def test_each_platform_has_bounds_of_its_own() -> None:
    found = loaded(fargate={"min": 4, "max": 7}, compose={"min": 1, "max": 3, "carries": 4})
    assert [(one.min, one.max, one.carries) for one in map(found.fleet, ("compose", "fargate"))] == [
        (1, 3, 4),
        (4, 7, 1),
    ]
