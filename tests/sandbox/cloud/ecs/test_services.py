"""Services keep their tasks running, behind the balancer, and deploy as ECS does."""

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import stores
from tests.sandbox.cloud.conftest import REGION

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def test_a_service_starts_its_tasks_and_becomes_steady(yard):
    made = yard.service(yard.definition())
    assert (made["status"], made["desiredCount"], made["deployments"][0]["rolloutState"]) == (
        "ACTIVE",
        2,
        "IN_PROGRESS",
    )
    held = yard.look()
    assert (held["runningCount"], held["pendingCount"]) == (0, 2)
    yard.world.pass_time(90)
    held = yard.look()
    assert (held["runningCount"], held["pendingCount"], len(held["deployments"])) == (2, 0, 1)
    deployment = held["deployments"][0]
    assert deployment["status"] == "PRIMARY"
    assert deployment["rolloutState"] == "COMPLETED"
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert yard.health() == ["healthy", "healthy"]
    said = yard.messages()
    assert said[0].startswith("has started 2 tasks: (task ")
    assert f"registered 1 targets in (target-group {yard.group})" in said
    assert said[-2:] == [f"(deployment {deployment['id']}) deployment completed.", "has reached a steady state."]
    assert yard.deployed()["status"] == "SUCCESSFUL"


def test_tasks_are_spread_over_zones_and_have_addresses_of_their_own(yard):
    yard.service(yard.definition(), 4)
    yard.world.pass_time(60)
    tasks = yard.tasks()
    assert sorted(task["availabilityZone"][-1] for task in tasks) == ["a", "a", "b", "b"]
    addresses = [task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for task in tasks]
    targets = yard.elb.describe_target_health(TargetGroupArn=yard.group)["TargetHealthDescriptions"]
    assert sorted(addresses) == sorted(each["Target"]["Id"] for each in targets)
    assert len(set(addresses)) == 4
    bound = {(each.address, each.port) for group in yard.world.plane.tables[-1].groups for each in group.targets}
    assert len(bound) == 4 and bound <= set(yard.world.apps.answers)


def test_a_task_goes_through_all_its_states(yard):
    yard.service(yard.definition(), 1)
    arn = yard.tasks()[0]["taskArn"]
    seen = []

    def look():
        status = yard.ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]["lastStatus"]
        if seen[-1:] != [status]:
            seen.append(status)

    for _ in range(45):
        look()
        yard.world.pass_time(1)
    yard.ecs.stop_task(cluster="shop", task=arn, reason="enough")
    for _ in range(60):
        look()
        yard.world.pass_time(1)
    assert seen == [
        "PROVISIONING",
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
    ]
    task = yard.ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 0
    for key in ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "stoppedAt"):
        assert key in task


def test_a_rolling_deployment_never_has_fewer_healthy_than_it_may(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    old = {task["taskArn"] for task in yard.tasks()}
    yard.update(taskDefinition=yard.definition("v2"))
    held = yard.look()
    assert [each["status"] for each in held["deployments"]] == ["PRIMARY", "ACTIVE"]
    for _ in range(120):
        yard.world.pass_time(1)
        assert yard.health().count("healthy") >= 2
    held = yard.look()
    assert [each["rolloutState"] for each in held["deployments"]] == ["COMPLETED"]
    assert held["taskDefinition"].endswith("shop:2")
    assert not old & {task["taskArn"] for task in yard.tasks()}
    gone = [task for task in yard.tasks("STOPPED") if task["taskArn"] in old]
    assert {task["stoppedReason"] for task in gone} == {
        f"Scaling activity initiated by (deployment {held['deployments'][0]['id']})"
    }
    assert {task["stopCode"] for task in gone} == {"ServiceSchedulerInitiated"}


def test_draining_tasks_take_their_time(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    yard.update(desiredCount=1)
    yard.world.pass_time(20)
    assert sorted(yard.health()) == ["draining", "healthy"]
    assert len(yard.world.apps.running) == 2
    yard.world.pass_time(15)
    assert yard.health() == ["healthy"]
    assert len(yard.world.apps.running) == 1


def test_maximum_100_stops_before_it_starts(yard):
    yard.service(yard.definition("v1"), deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 50})
    yard.world.pass_time(90)
    yard.update(taskDefinition=yard.definition("v2"))
    least = 2
    for _ in range(200):
        yard.world.pass_time(1)
        least = min(least, yard.health().count("healthy"))
        assert sum(task["lastStatus"] in ("PENDING", "RUNNING", "PROVISIONING") for task in yard.tasks()) <= 2
    assert least == 1
    assert yard.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_the_circuit_breaker_rolls_back(yard):
    yard.service(yard.definition("v1"), deploymentConfiguration=BREAKER)
    yard.world.pass_time(90)
    first = yard.look()["deployments"][0]["id"]
    kept = {task["taskArn"] for task in yard.tasks()}
    failed = yard.update(taskDefinition=yard.definition("v2-never-healthy"))["deployments"][0]["id"]
    assert yard.deployed()["deploymentCircuitBreaker"] == {"status": "MONITORING", "failureCount": 0, "threshold": 3}
    yard.world.pass_time(60)
    rolled = yard.deployed()
    for _ in range(300):
        rolled = yard.deployed()
        if rolled["status"] == "ROLLBACK_IN_PROGRESS":
            break
        yard.world.pass_time(1)
    states = {
        each["id"]: (each["status"], each["rolloutState"], each["rolloutStateReason"])
        for each in yard.look()["deployments"]
    }
    assert states == {
        first: ("PRIMARY", "IN_PROGRESS", f"ECS deployment circuit breaker: rolling back to deploymentId {first}."),
        failed: ("ACTIVE", "FAILED", "ECS deployment circuit breaker: tasks failed to start."),
    }
    yard.world.pass_time(120)
    held = yard.look()
    assert held["taskDefinition"].endswith("shop:1")
    assert [(each["id"], each["rolloutState"]) for each in held["deployments"]] == [(first, "COMPLETED")]
    assert kept == {task["taskArn"] for task in yard.tasks()}
    done = yard.deployed()
    assert done["status"] == "ROLLBACK_SUCCESSFUL"
    assert done["statusReason"] == done["rollback"]["reason"]
    assert done["rollback"]["serviceRevisionArn"] == done["sourceServiceRevisions"][0]["arn"]
    assert done["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    reasons = {task["stoppedReason"] for task in yard.tasks("STOPPED")}
    assert f"Task failed ELB health checks in (target-group {yard.group})" in reasons
    said = yard.messages()
    assert f"(deployment {failed}) deployment failed: tasks failed to start." in said
    assert f"rolling back to deployment {first}." in said
    assert any(
        "is unhealthy in (target-group" in each
        and "due to (reason Health checks failed with these codes: [503])" in each
        for each in said
    )


def test_without_a_completed_deployment_the_breaker_only_stops(yard):
    yard.service(yard.definition("v1-exits-3"), deploymentConfiguration=BREAKER)
    yard.world.pass_time(600)
    held = yard.look()
    assert held["deployments"][0]["rolloutState"] == "FAILED"
    assert held["deployments"][0]["failedTasks"] >= 3
    assert yard.deployed()["status"] == "STOPPED"
    assert not yard.tasks()
    count = len(yard.tasks("STOPPED"))
    yard.world.pass_time(300)
    assert len(yard.tasks("STOPPED")) == count


def test_without_the_breaker_it_tries_again_ever_more_slowly(yard):
    yard.service(yard.definition("v1-exits-3"), 1)
    yard.world.pass_time(300)
    early = len(yard.tasks("STOPPED"))
    yard.world.pass_time(300)
    assert early > len(yard.tasks("STOPPED")) - early > 0
    assert yard.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert any("unable to consistently start tasks" in each for each in yard.messages())


def test_the_grace_period_spares_a_slow_start(yard):
    yard.service(yard.definition("v1-never-healthy"), 1, healthCheckGracePeriodSeconds=120)
    yard.world.pass_time(130)
    assert not yard.tasks("STOPPED")
    yard.world.pass_time(60)
    assert yard.tasks("STOPPED")


def test_a_stopped_deployment_goes_back(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    yard.update(taskDefinition=yard.definition("v2"))
    yard.world.pass_time(5)
    yard.ecs.stop_service_deployment(serviceDeploymentArn=yard.deployed()["serviceDeploymentArn"])
    yard.world.pass_time(120)
    assert yard.deployed()["status"] == "ROLLBACK_SUCCESSFUL"
    assert yard.look()["taskDefinition"].endswith("shop:1")
    with pytest.raises(ClientError, match="ConflictException"):
        yard.ecs.stop_service_deployment(serviceDeploymentArn=yard.deployed()["serviceDeploymentArn"])


def test_a_rollback_can_fail_too(yard):
    first = yard.definition("v1")
    yard.service(first, 1, deploymentConfiguration=BREAKER)
    yard.world.pass_time(90)
    yard.update(taskDefinition=yard.definition("v2-never-healthy"))
    # What the rollback needs is gone: the old tasks and their image.
    stores.ecr(REGION).repositories["shop"].images.clear()
    yard.world.pass_time(10)
    for task in yard.tasks():
        yard.ecs.stop_task(cluster="shop", task=task["taskArn"])
    yard.world.pass_time(1200)
    assert yard.deployed()["status"] == "ROLLBACK_FAILED"
    assert yard.look()["deployments"][0]["rolloutState"] == "FAILED"


def test_a_strategy_spreads_tasks_by_base_and_weight(yard):
    yard.ecs.put_cluster_capacity_providers(
        cluster="shop", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    strategy = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    yard.service(yard.definition(), 10, launchType=None, capacityProviderStrategy=strategy)
    yard.world.pass_time(30)
    names = [task["capacityProviderName"] for task in yard.tasks()]
    assert (names.count("FARGATE"), names.count("FARGATE_SPOT")) == (4, 6)


def test_only_what_concerns_tasks_makes_a_deployment(yard):
    first = yard.definition()
    yard.service(first)
    yard.world.pass_time(90)

    def count():
        return len(yard.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"])

    yard.update(desiredCount=3)
    yard.update(deploymentConfiguration={"maximumPercent": 150})
    yard.update(healthCheckGracePeriodSeconds=30)
    yard.update(taskDefinition=first)
    yard.update(networkConfiguration=yard.look()["networkConfiguration"])
    assert count() == 1
    assert yard.look()["deploymentConfiguration"]["maximumPercent"] == 150
    yard.update(forceNewDeployment=True)
    assert count() == 2


def test_what_dies_is_replaced(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    victim = yard.tasks()[0]["taskArn"]
    yard.ecs.stop_task(cluster="shop", task=victim)
    yard.world.pass_time(120)
    assert len(yard.tasks()) == 2 and victim not in {task["taskArn"] for task in yard.tasks()}
    assert yard.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_deleted_service_drains_and_is_gone(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    with pytest.raises(ClientError, match="The service cannot be stopped while it is scaled above 0"):
        yard.ecs.delete_service(cluster="shop", service="web")
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        yard.ecs.delete_cluster(cluster="shop")
    assert yard.ecs.delete_service(cluster="shop", service="web", force=True)["service"]["status"] == "DRAINING"
    yard.world.pass_time(90)
    assert yard.look()["status"] == "INACTIVE"
    assert yard.health() == [] and not yard.world.apps.running
    yard.ecs.delete_cluster(cluster="shop")


def test_a_service_without_a_balancer_runs_what_serves_nobody_and_follows_its_count(yard):
    worker = {"portMappings": [], "command": ["work", "--queue", "mail"]}
    yard.service(yard.definition(container=worker), 0, loadBalancers=None)
    yard.world.pass_time(60)
    assert yard.tasks() == []
    assert yard.look()["deployments"][0]["rolloutState"] == "COMPLETED"
    yard.update(desiredCount=2)
    yard.world.pass_time(60)
    assert (yard.look()["runningCount"], len(yard.look()["deployments"])) == (2, 1)
    assert {task["lastStatus"] for task in yard.tasks()} == {"RUNNING"}
    assert not yard.world.apps.running, "nothing listens"
    assert yard.health() == []
    yard.update(desiredCount=0)
    yard.world.pass_time(60)
    assert yard.look()["runningCount"] == 0
    gone = yard.tasks("STOPPED")
    assert {task["containers"][0]["exitCode"] for task in gone} == {143}
    assert {task["stopCode"] for task in gone} == {"ServiceSchedulerInitiated"}
