"""Clusters, task definitions, services and their scaling from creation to deletion, on the sandbox's own ECS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.engine.protocol import ProviderError
from tests.sandbox.provider.lives import GONE, TRUST, Story, World, refused
from tests.sandbox.provider.test_lookups import result_names

CLUSTER, PROVIDERS = "aws:ecs/cluster:Cluster", "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
DEFINITION, SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
TARGET, POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
TAGS = {"tags": {"Name": "x", "team": "web"}}
RETAG = {"tags": {"Name": "y", "cost": "1"}}
UNTAG = {"tags": GONE}
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:1"
FARGATE = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}


class _Clock:
    time, speed = 0.0, 1000.0

    def now(self) -> float:
        return self.time


class _NoApps:
    def boot(self, app: Any) -> tuple[str, int]:
        return app.address, 8080

    def stop(self, id: str, grace: float) -> None: ...
    def kill(self, id: str) -> None: ...
    def log(self, id: str) -> list[str]:
        return []


@pytest.fixture(scope="module", autouse=True)
def _ecs(world: World) -> Iterator[None]:
    """The sandbox's ECS in moto's place; time passes whenever a service is looked at."""
    from moto.ecs.responses import EC2ContainerServiceResponse

    from sandbox.cloud.ecs import ecs
    from sandbox.cloud.ecs.container_health import ContainerHealth
    from sandbox.cloud.ecs.running import Running
    from sandbox.cloud.ecs.tasks import Tasks
    from sandbox.cloud.events import EventLog
    from sandbox.cloud.health import Health
    from sandbox.cloud.hosts import Hosts
    from sandbox.cloud.image_faults import ImageFaults
    from sandbox.cloud.seam import Seam

    clock, apps, seam = _Clock(), _NoApps(), Seam()
    events = EventLog(clock)
    prober: Any = None
    no_instances: Any = None
    checks = ContainerHealth(clock, prober, lambda: None)
    running = Running(clock, apps, lambda: "127.0.0.1", ImageFaults())
    tasks = Tasks(clock, events, running, checks)
    health = Health(clock, Hosts(no_instances, tasks), prober, events)
    made = ecs.Ecs(clock, tasks, running, health, checks, events)
    ecs.install(seam, made)

    @seam.around(EC2ContainerServiceResponse, "describe_services")
    def look(original: Any, response: Any) -> Any:
        for _ in range(4):
            clock.time += 5
            made.step()
        return original(response)

    yield
    seam.close()


def container(**changed: Any) -> dict[str, Any]:
    return {"name": "app", "image": IMAGE, "portMappings": [{"containerPort": 8080}]} | changed


def written(**changed: Any) -> dict[str, str]:
    return {"containerDefinitions": json.dumps([container(**changed)])}


def task_role(world: World) -> str:
    trust = TRUST.replace("ec2.amazonaws.com", "ecs-tasks.amazonaws.com")
    return str(world.make("aws:iam/role:Role", assumeRolePolicy=trust)["arn"])


def definition(world: World) -> dict[str, Any]:
    return {"family": f"shop-{world.free_port()}", **written(), **FARGATE, "executionRoleArn": task_role(world), **TAGS}


def a_definition(world: World) -> str:
    return str(world.make(DEFINITION, **definition(world))["arn"])


def cluster(world: World) -> str:
    return str(world.share("cluster", lambda: world.make(CLUSTER))["arn"])


def spot_cluster(world: World, life: Any = None) -> str:
    def make() -> Any:
        made = world.make(CLUSTER)
        world.make(PROVIDERS, clusterName=made["name"], capacityProviders=["FARGATE", "FARGATE_SPOT"])
        return made

    return str(world.share("spot cluster", make)["arn"])


def group(world: World) -> str:
    """Of addresses, and behind a listener."""

    def make() -> Any:
        held = world.make(
            "aws:lb/targetGroup:TargetGroup", port=8080, protocol="HTTP", vpcId=world.vpc().id, targetType="ip"
        )
        world.make(
            "aws:lb/listener:Listener",
            loadBalancerArn=world.balancer().id,
            port=world.free_port(),
            protocol="HTTP",
            defaultActions=[{"type": "forward", "targetGroupArn": held.id}],
        )
        return held

    return str(world.share("ip targets", make).id)


def balanced(world: World, life: Any = None, port: int = 8080) -> list[dict[str, Any]]:
    return [{"targetGroupArn": group(world), "containerName": "app", "containerPort": port}]


def service(world: World) -> dict[str, Any]:
    return {
        "cluster": cluster(world),
        "taskDefinition": a_definition(world),
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": {
            "subnets": [world.subnet(1).id, world.subnet(0).id],
            "securityGroups": [world.security_group().id],
        },
        "loadBalancers": balanced(world),
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        **TAGS,
    }


def spot_service(world: World) -> dict[str, Any]:
    held = {key: value for key, value in service(world).items() if key not in ("launchType", "loadBalancers")}
    return {**held, "cluster": spot_cluster(world), "capacityProviderStrategies": [share("FARGATE", 1)]}


def share(name: str, weight: int, base: int = 0) -> dict[str, Any]:
    return {"capacityProvider": name, "weight": weight, "base": base}


def other_network(world: World, life: Any) -> dict[str, Any]:
    return {"subnets": [world.subnet(0).id], "assignPublicIp": True}


def scaled(world: World) -> dict[str, Any]:
    made = world.make(SERVICE, **service(world))
    return {
        "resourceId": f"service/{made['cluster'].rpartition('/')[2]}/{made['name']}",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
        "minCapacity": 2,
        "maxCapacity": 6,
        **TAGS,
    }


def policy(world: World) -> dict[str, Any]:
    target = world.make(TARGET, **scaled(world))
    return {
        **{key: target[key] for key in ("resourceId", "scalableDimension", "serviceNamespace")},
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 60,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    }


def requests(world: World, life: Any) -> dict[str, Any]:
    behind = world.balancer()["arn"].partition(":loadbalancer/")[2]
    label = f"{behind}/{group(world).rpartition(':')[2]}"
    return {
        "targetValue": 1000,
        "scaleInCooldown": 60,
        "predefinedMetricSpecification": {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": label},
    }


REQUESTS = {"targetTrackingScalingPolicyConfiguration": requests}
STEPS = {
    "policyType": "StepScaling",
    "targetTrackingScalingPolicyConfiguration": GONE,
    "stepScalingPolicyConfiguration": {
        "adjustmentType": "ChangeInCapacity",
        "cooldown": 60,
        "stepAdjustments": [{"scalingAdjustment": 1, "metricIntervalLowerBound": "0"}],
    },
}
EXEC = {"configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}}}
OVERRIDE = {
    "configuration": {
        "executeCommandConfiguration": {
            "logging": "OVERRIDE",
            "logConfiguration": {"s3BucketName": "x", "s3BucketEncryptionEnabled": True},
        }
    }
}
STORIES = (
    Story(
        CLUSTER,
        lambda world: {"settings": [{"name": "containerInsights", "value": "enabled"}], **TAGS},
        updates=(
            {"settings": [{"name": "containerInsights", "value": "enhanced"}]},
            EXEC,
            OVERRIDE,
            {"serviceConnectDefaults": {"namespace": "arn:aws:servicediscovery:us-east-1:000000000000:namespace/ns-1"}},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"}, {"region": "eu-west-1"}),
    ),
    Story(
        PROVIDERS,
        lambda world: {"clusterName": world.make(CLUSTER)["name"], "capacityProviders": ["FARGATE"]},
        updates=(
            {"capacityProviders": ["FARGATE_SPOT", "FARGATE"]},
            {"defaultCapacityProviderStrategies": [share("FARGATE", 1, 2), share("FARGATE_SPOT", 3)]},
        ),
        replaces=({"clusterName": "other"}, {"region": "eu-west-1"}),
    ),
    Story(
        DEFINITION,
        definition,
        updates=(RETAG, UNTAG, {"trackLatest": True}, {"skipDestroy": True}, {"skipDestroy": False}),
        replaces=(
            {"family": "other"},
            written(image=f"{IMAGE}2"),
            written(environment=[{"name": "A", "value": "b"}]),
            {"cpu": "512"},
            {"memory": "1024"},
            {"networkMode": "bridge"},
            {"executionRoleArn": "arn:aws:iam::000000000000:role/x"},
            {"taskRoleArn": "arn:aws:iam::000000000000:role/x"},
            {"requiresCompatibilities": ["EC2"]},
            {"runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}},
            {"ephemeralStorage": {"sizeInGib": 30}},
            {"volumes": [{"name": "tmp"}]},
            {"pidMode": "task"},
            {"enableFaultInjection": True},
            {"region": "eu-west-1"},
        ),
        import_id=lambda life: life["arn"],
    ),
    Story(
        SERVICE,
        service,
        updates=(
            {"desiredCount": 3},
            {"desiredCount": GONE},
            {"taskDefinition": lambda world, _: a_definition(world)},
            {"networkConfiguration": other_network},
            {"deploymentMaximumPercent": 150, "deploymentMinimumHealthyPercent": 50},
            {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
            {"healthCheckGracePeriodSeconds": 60},
            {"enableExecuteCommand": True},
            {"enableEcsManagedTags": True},
            {"propagateTags": "SERVICE"},
            {"platformVersion": "1.4.0"},
            {"availabilityZoneRebalancing": "DISABLED"},
            {"forceNewDeployment": True},
            {"triggers": {"again": "1"}},
            {"forceDelete": True},
            {"waitForSteadyState": True},
            {"sigintRollback": True},
            {"waitForSteadyState": False, "sigintRollback": GONE},
            {"loadBalancers": [], "healthCheckGracePeriodSeconds": GONE},
            RETAG,
            UNTAG,
        ),
        replaces=(
            {"name": "other"},
            {"cluster": spot_cluster},
            {"launchType": "EC2"},
            {"schedulingStrategy": "DAEMON"},
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            {"region": "eu-west-1"},
        ),
        by_hand=frozenset({"forceDelete"}),
    ),
    Story(
        SERVICE,
        spot_service,
        updates=(
            {"forceNewDeployment": True},
            {"capacityProviderStrategies": [share("FARGATE", 1, 1), share("FARGATE_SPOT", 3)]},
            {"loadBalancers": balanced},
        ),
        replaces=({"capacityProviderStrategies": [share("FARGATE_SPOT", 1)]},),
    ),
    Story(
        TARGET,
        scaled,
        updates=(
            {"minCapacity": 3},
            {"maxCapacity": 9},
            {"suspendedState": {"dynamicScalingInSuspended": True}},
            RETAG,
            UNTAG,
        ),
        replaces=(
            {"resourceId": "service/a/b"},
            {"scalableDimension": "ecs:service:Other"},
            {"serviceNamespace": "dynamodb"},
            {"roleArn": "arn:aws:iam::000000000000:role/x"},
            {"region": "eu-west-1"},
        ),
        import_id=lambda life: f"ecs/{life['resourceId']}/{life['scalableDimension']}",
    ),
    Story(
        POLICY,
        policy,
        updates=(REQUESTS, STEPS),
        replaces=(
            {"name": "other"},
            {"resourceId": "service/a/b"},
            {"scalableDimension": "ecs:service:Other"},
            {"serviceNamespace": "dynamodb"},
            {"region": "eu-west-1"},
        ),
        import_id=lambda life: f"ecs/{life['resourceId']}/{life['scalableDimension']}/{life['name']}",
    ),
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.type_.rpartition(":")[2])
def test_life(world, story):
    story.tell(world)


def test_each_revision_is_a_resource_of_its_own(world):
    given = definition(world)
    life = world.make(DEFINITION, **given)
    assert (life.id, life["revision"], life["arn"]) == (given["family"], 1, f"{life['arnWithoutRevision']}:1")
    second = world.make(DEFINITION, **given)
    assert second["revision"] == 2
    second.delete()
    assert second.read() is None and life.read() is not None


def test_a_revision_that_is_to_stay_stays(world, aws):
    life = world.make(DEFINITION, **definition(world), skipDestroy=True)
    life.delete()
    status = aws("ecs").describe_task_definition(taskDefinition=life["arn"])["taskDefinition"]["status"]
    assert status == "ACTIVE"


def test_the_same_containers_in_other_words_are_no_change(world):
    life = world.make(DEFINITION, **definition(world))
    inputs = {**life.inputs}
    for key in ("__defaults", "tags"):
        inputs.pop(key, None)
    ports = [{"hostPort": 8080, "protocol": "tcp", "containerPort": 8080}]
    same = [{"cpu": 0, "essential": True, **container(portMappings=ports, environment=[])}]
    assert not life.diff({**inputs, **TAGS, "containerDefinitions": json.dumps(same, indent=2)}).changes


def test_ignored_inputs_stay_as_they_are(world, aws):
    life = world.make(SERVICE, **service(world))
    aws("ecs").update_service(cluster=life["cluster"], service=life["name"], desiredCount=5)
    life.refresh()
    wanted = {key: value for key, value in life.inputs.items() if not key.startswith("__")} | {"desiredCount": 1}
    assert not life.diff(wanted, ("desiredCount",)).changes
    assert life.diff(wanted).changes
    life.update({**wanted, "healthCheckGracePeriodSeconds": 30}, ("desiredCount",))
    assert (life["desiredCount"], life["healthCheckGracePeriodSeconds"]) == (5, 30)


def test_what_aws_refuses_is_told_in_its_words(world):
    with pytest.raises(ProviderError, match="No Fargate configuration exists for given values: 256 CPU, 4096 memory"):
        world.make(DEFINITION, **{**definition(world), "memory": "4096"})
    with pytest.raises(ProviderError, match="The container app did not have a container port 9 defined"):
        world.make(SERVICE, **{**service(world), "loadBalancers": balanced(world, port=9)})


def test_what_is_wrong_is_refused_before_it_is_made(world):
    life = world.life(DEFINITION)
    assert "container_definitions is invalid" in refused(life, {**definition(world), "containerDefinitions": "{"})
    both = {**service(world), "capacityProviderStrategies": [share("FARGATE", 1)]}
    assert "conflicts with" in refused(world.life(SERVICE), both)
    assert "requires waitForSteadyState" in refused(world.life(SERVICE), {**service(world), "sigintRollback": True})
    alone = {key: value for key, value in policy(world).items() if not key.startswith("targetTracking")}
    assert "is required for policy type TargetTrackingScaling" in refused(world.life(POLICY), alone)


def test_lookups(world):
    made = world.make(SERVICE, **service(world))
    provider = world.provider

    def ask(function, arguments):
        token = f"aws:ecs/{function}:{function}"
        answer = provider.invoke(token, arguments)
        assert answer.keys() <= result_names(token)
        return answer

    found = ask("getCluster", {"clusterName": made["cluster"].rpartition("/")[2]})
    assert (found["arn"], found["status"]) == (made["cluster"], "ACTIVE")
    names = {"clusterArn": made["cluster"], "serviceName": made["name"]}
    found = ask("getService", names)
    assert (found["arn"], found["desiredCount"], found["taskDefinition"]) == (made["arn"], 2, made["taskDefinition"])
    assert found["deployments"][0]["status"] == "PRIMARY"
    family = made["taskDefinition"].rpartition("/")[2].partition(":")[0]
    found = ask("getTaskDefinition", {"taskDefinition": family})
    assert (found["arn"], found["status"], found["cpu"]) == (made["taskDefinition"], "ACTIVE", "256")
    with pytest.raises(ProviderError, match="couldn't find"):
        provider.invoke("aws:ecs/getService:getService", {**names, "serviceName": "none"})
