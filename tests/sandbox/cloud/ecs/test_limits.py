"""How many tasks a deployment may start, stop and lose."""

import pytest

from sandbox.cloud.ecs import limits, rollout
from sandbox.cloud.ecs.model import Cluster, Definition, Revision, Service


def service(**breaker):
    configuration = {**limits.DEFAULTS, "deploymentCircuitBreaker": {"enable": True, "rollback": True, **breaker}}
    return Service("web", Cluster("shop", "eu-central-1", []), 4, configuration, 0, {}, "")


def revision(held):
    definition = Definition("shop", 1, "eu-central-1", {"containerDefinitions": []})
    return Revision(rollout.new_revision_arn(held), definition, "FARGATE", [], "LATEST", [], None)


@pytest.mark.parametrize(
    ("desired", "threshold", "wanted"),
    [
        (1, {}, 3),
        (6, {}, 3),
        (7, {}, 4),
        (25, {}, 13),
        (1000, {}, 200),
        (1000, {"type": "UNBOUNDED_PERCENT", "value": 50}, 500),
        (1, {"type": "UNBOUNDED_PERCENT", "value": 50}, 1),
        (100, {"type": "BOUNDED_PERCENT", "value": 10}, 10),
        (100, {"type": "COUNT", "value": 5}, 5),
    ],
)
def test_how_many_failed_tasks_trip_the_breaker(desired, threshold, wanted):
    configuration = {"deploymentCircuitBreaker": {"enable": True, "thresholdConfiguration": threshold}}
    assert limits.failure_threshold(desired, configuration) == wanted


@pytest.mark.parametrize(("desired", "percent", "least", "most"), [(3, 50, 2, 4), (1, 50, 1, 1), (5, 0, 0, 7)])
def test_least_is_rounded_up_and_most_down(desired, percent, least, most):
    configuration = {"minimumHealthyPercent": percent, "maximumPercent": 150}
    assert (limits.least_healthy(desired, configuration), limits.most(desired, configuration)) == (least, most)


@pytest.mark.parametrize(("reset", "status"), [(True, "IN_PROGRESS"), (False, "STOPPED")])
def test_a_task_that_comes_up_makes_up_for_those_before_it(reset, status):
    held = service(resetOnHealthyTask=reset)
    rollout.begin(held, revision(held))
    held.service_deployments[0].become("IN_PROGRESS")
    deployment = held.primary
    for _ in range(2):
        rollout.failed_task(held, deployment)
    rollout.healthy_task(deployment, held)
    rollout.failed_task(held, deployment)
    assert held.service_deployments[0].status == status
    assert deployment.failed_tasks == 3


def test_who_keeps_failing_waits_ever_longer_but_not_for_ever():
    pauses = [limits.pause(failures) for failures in range(12)]
    assert pauses[:5] == [0.0, 0.0, 10.0, 20.0, 40.0] and pauses[-1] == 900.0
    assert pauses == sorted(pauses)
