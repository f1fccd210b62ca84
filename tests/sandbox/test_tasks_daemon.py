"""A service on a sandbox of its own, with real apps and real requests: nobody notices that it is deployed."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox import daemon

pytestmark = pytest.mark.slow
REGION = "eu-central-1"
TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
RIGHTS = {"Effect": "Allow", "Action": ["ecr:*", "logs:*"], "Resource": "*"}


class Place:
    """A balancer, a target group of addresses, a cluster and a role."""

    def __init__(self, running: Any) -> None:
        self.endpoint = running.endpoint
        ec2, elb, iam = self.client("ec2"), self.client("elbv2"), self.client("iam")
        self.ecs = self.client("ecs")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate("ab")
        ]
        self.security_group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
        inside = [{"GroupId": self.security_group}]
        ec2.authorize_security_group_ingress(
            GroupId=self.security_group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": inside}],
        )
        balancer = elb.create_load_balancer(Name="shop", Subnets=self.subnets, SecurityGroups=[self.security_group])
        self.name = balancer["LoadBalancers"][0]["DNSName"]
        self.group = elb.create_target_group(
            Name="blue",
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckPath="/health/deep",
            HealthCheckIntervalSeconds=10,
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.modify_target_group_attributes(
            TargetGroupArn=self.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
        )
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Port=8099,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        self.role = iam.create_role(RoleName="run", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": [RIGHTS]})
        iam.put_role_policy(RoleName="run", PolicyName="all", PolicyDocument=document)
        self.ecs.create_cluster(clusterName="shop")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(proxies={}),
        )

    def page(self, name: str, **given: Any) -> Any:
        body = json.dumps(given).encode() if given else None
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{name}", data=body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def definition(self, tag: str) -> str:
        app = {
            "name": "app",
            "image": self.page("push", repository="shop", tag=tag)["image"],
            "portMappings": [{"containerPort": 80}],
            "environment": [{"name": "BLUEGREEN_COLOR", "value": "blue"}],
        }
        arn: str = self.ecs.register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            containerDefinitions=[app],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def steady(self, state: str = "SUCCESSFUL") -> dict[str, Any]:
        """Waits for the last service deployment to end so."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            brief = self.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"][0]
            if brief["status"] == state:
                found: dict[str, Any] = brief
                return found
            time.sleep(0.1)
        raise AssertionError(f"{brief['status']}, not {state}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    running = daemon.start(tmp_path / "home", speed=40)
    try:
        yield Place(running)
    finally:
        daemon.stop(tmp_path / "home")


def test_deployments_lose_no_request(place):
    place.ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition=place.definition("1.0.0"),
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": place.subnets, "securityGroups": [place.security_group]}
        },
        loadBalancers=[{"targetGroupArn": place.group, "containerName": "app", "containerPort": 80}],
        deploymentConfiguration={
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "minimumHealthyPercent": 50,
        },
    )
    place.steady()
    bound = place.page("state")["listeners"][0]["bound"]
    to = ["--connect", f"{bound['address']}:{bound['port']}", "--host", place.name, "--path", "/", "--rate", "100"]
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.traffic.load", *to], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        time.sleep(1)
        place.ecs.update_service(cluster="shop", service="web", taskDefinition=place.definition("2.0.0"))
        place.steady()
        place.ecs.update_service(cluster="shop", service="web", taskDefinition=place.definition("3-never-healthy"))
        rolled = place.steady("ROLLBACK_SUCCESSFUL")
        out, _ = load.communicate("")
    seen = json.loads(out.strip().splitlines()[-1])
    assert (seen["failed"], seen["failures"]) == (0, [])
    assert seen["sent"] > 200 and seen["by_version"].keys() == {"1.0.0", "2.0.0"}
    assert seen["by_color"] == {"blue": seen["ok"]}
    assert "circuit breaker" in rolled["statusReason"]
