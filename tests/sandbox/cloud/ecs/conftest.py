"""A balancer with a target group of addresses, a cluster, roles, and task definitions on demand."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.cloud import images, stores
from tests.sandbox.cloud.conftest import REGION, Network, World

TASKS_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
EXECUTION = [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
]
_networks: list[Network] = []


class Yard:
    """Everything that a service stands on."""

    def __init__(self, world: World, aws: Callable[[str], Any]) -> None:
        self.world, self.aws = world, aws
        if not _networks:
            _networks.append(Network(aws))
        network = _networks[0]
        self.vpc, self.subnets, self.security_group = network.vpc, network.subnets, network.security_group
        self.ecs, self.elb = aws("ecs"), aws("elbv2")
        self.role = self.execution_role("execution", EXECUTION)
        self.ecs.create_cluster(clusterName="shop")
        self.group = self.elb.create_target_group(
            Name="shop-blue",
            Protocol="HTTP",
            Port=8080,
            VpcId=network.vpc,
            TargetType="ip",
            HealthCheckPath="/health/deep",
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(
            TargetGroupArn=self.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
        )
        balancer = self.elb.create_load_balancer(
            Name="shop", Subnets=self.subnets, SecurityGroups=[self.security_group]
        )["LoadBalancers"][0]
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Port=8099,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )

    def execution_role(self, name: str, statements: list[dict[str, Any]]) -> str:
        iam = self.aws("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TASKS_TRUST)["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
        return arn

    @property
    def network(self) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.security_group]}}

    def definition(self, tag: str = "v1", *, container: dict[str, Any] | None = None, **changed: Any) -> str:
        image = changed.pop("image", None) or images.push("shop", tag, REGION)["image"]
        app = {
            "name": "app",
            "image": image,
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "BLUEGREEN_COLOR", "value": "blue"}],
        } | (container or {})
        given = {
            "family": "shop",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": self.role,
            "containerDefinitions": [app],
        } | changed
        arn: str = self.ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
        return arn

    def service(self, definition: str, desired: int = 2, **changed: Any) -> dict[str, Any]:
        given = {
            "cluster": "shop",
            "serviceName": "web",
            "taskDefinition": definition,
            "desiredCount": desired,
            "launchType": "FARGATE",
            "networkConfiguration": self.network,
            "loadBalancers": [{"targetGroupArn": self.group, "containerName": "app", "containerPort": 8080}],
        } | changed
        given = {key: value for key, value in given.items() if value is not None}
        made: dict[str, Any] = self.ecs.create_service(**given)["service"]
        return made

    def update(self, **changed: Any) -> dict[str, Any]:
        held: dict[str, Any] = self.ecs.update_service(cluster="shop", service="web", **changed)["service"]
        return held

    def look(self, name: str = "web") -> dict[str, Any]:
        held: dict[str, Any] = self.ecs.describe_services(cluster="shop", services=[name])["services"][0]
        return held

    def messages(self) -> list[str]:
        """Oldest first, without the service's name."""
        return [event["message"].partition(") ")[2] for event in reversed(self.look()["events"])]

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="shop", desiredStatus=status)["taskArns"]
        if not arns:
            return []
        found: list[dict[str, Any]] = self.ecs.describe_tasks(cluster="shop", tasks=arns, include=["TAGS"])["tasks"]
        return found

    def deployed(self) -> dict[str, Any]:
        """The last service deployment."""
        brief = self.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"][0]
        answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[brief["serviceDeploymentArn"]])
        found: dict[str, Any] = answer["serviceDeployments"][0]
        return found

    def health(self) -> list[str]:
        answer = self.elb.describe_target_health(TargetGroupArn=self.group)
        return [each["TargetHealth"]["State"] for each in answer["TargetHealthDescriptions"]]


@pytest.fixture
def yard(world: World, aws: Callable[[str], Any]) -> Iterator[Yard]:
    _forget()
    yield Yard(world, aws)
    # The network is that of all tests, and its addresses are few.
    for task in world.cloud.ecs.all_tasks():
        task.subnet._subnet_ips.pop(task.ip, None)
    _forget()


def _forget() -> None:
    from moto.applicationautoscaling.models import applicationautoscaling_backends
    from moto.iam.models import iam_backends
    from moto.logs.models import logs_backends
    from moto.secretsmanager.models import secretsmanager_backends

    iam_backends[stores.ACCOUNT]["aws"].reset()
    for backends in (logs_backends, secretsmanager_backends, applicationautoscaling_backends):
        backends[stores.ACCOUNT][REGION].reset()
