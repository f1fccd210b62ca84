"""Every input that the program registers is one that pulumi_aws has, of the right kind, and none is missing."""

from __future__ import annotations

from typing import Any

import pytest

from infra.immutable import inputs as every_input
from tests.infra.schema import arguments_of, faults
from tests.infra.world import World, shipped, stack_file, with_standby

CONFIGS: dict[str, dict[str, Any]] = {
    "dev": shipped("dev"),
    "prod": shipped("prod"),
    "everything": {
        **stack_file("prod"),
        "bluegreen:platforms": ["compose"],
        "bluegreen:network": {
            "vpc": "vpc-0123456789abcdef0",
            "publicSubnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            "privateSubnets": ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
        },
        "bluegreen:balancer": {
            "certificate": "arn:aws:acm:eu-central-1:111122223333:certificate/6a7d3c52",
            "host": "*.shop.example",
            "path": "/shop/*",
            "testCidrs": ["203.0.113.0/24", "2001:db8::/32"],
            "stickiness": 600,
        },
        "bluegreen:compose": {"ami": "ami-0123456789abcdef0", "desired": 3},
        "bluegreen:scaling": {"cpu": 60, "requests": 1000},
        "bluegreen:gates": {"alarms": {"errors": 0.5, "latency": 0.25, "unhealthyHosts": 2, "periods": 3}},
        "bluegreen:notify": {"topic": "arn:aws:sns:eu-central-1:111122223333:releases"},
    },
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_registered_inputs(world: World, config: dict[str, Any]) -> None:
    _judge(world.up(config, "prod"))
    with_standby(world, config, "prod")
    _judge(world)


def _judge(world: World) -> None:
    custom = [found for found in world.resources if found.type.startswith(("aws:", "awsx:"))]
    assert len(custom) > 20
    found = [fault for one in custom for fault in faults(one.inputs, arguments_of(one.type), f"{one.type} {one.name}")]
    assert found == []


def test_the_judge_looks_into_an_alarms_queries() -> None:
    alarm = arguments_of("aws:cloudwatch/metricAlarm:MetricAlarm")
    metric = {"metricName": "RequestCount", "namespace": "AWS/ApplicationELB", "period": 60, "stat": "Sum"}
    right: dict[str, Any] = {
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "metricQueries": [{"id": "m", "metric": metric, "returnData": False}],
    }
    assert list(faults(right, alarm, "alarm")) == []
    wrong = {**right, "metricQueries": [{"metric": {**metric, "dimension": {}, "period": "60"}, "returnData": 0}]}
    assert len(list(faults(wrong, alarm, "alarm"))) == 4


def test_the_judge_knows_a_misspelt_a_missing_and_a_misplaced_input() -> None:
    group = arguments_of("aws:autoscaling/group:Group")
    right: dict[str, Any] = {
        "minSize": 1,
        "maxSize": 2,
        "tags": [{"key": "a", "value": "b", "propagateAtLaunch": True}],
    }
    assert list(faults(right, group, "group")) == []
    wrong = {"minsize": 1, "maxSize": "2", "tags": [{"key": 1, "propagateAtLaunch": "yes"}], "launchTemplate": [{}]}
    assert len(list(faults(wrong, group, "group"))) == 7


@pytest.mark.parametrize("token", ["aws:autoscaling/group:Group", "aws:lb/targetGroup:TargetGroup"])
def test_names_for_ignore_changes_are_those_of_pulumi(token: str) -> None:
    from pulumi import _types

    arguments = arguments_of(token)
    known = set(_types.input_type_py_to_pulumi_names(arguments).values())
    assert set(every_input(arguments)) == known - {"name", "namePrefix", "region"}
