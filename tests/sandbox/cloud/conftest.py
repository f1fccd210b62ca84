"""A cloud with a clock that tests turn, and a data plane, apps and checks that only note what they were asked."""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.cloud import balancing, images, stores
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.control import Control
from sandbox.cloud.endpoint import Endpoint
from sandbox.cloud.faulting import Faulting
from sandbox.cloud.httpd import Server
from sandbox.cloud.probing import Check, Outcome
from sandbox.cloud.weather import Weather
from sandbox.traffic import wire

REGION = "eu-central-1"
ELSEWHERE = "us-east-1"
"""Where the provider's tests work: in the same process, they leave things in moto."""
NO_PROXY = {"NO_PROXY": "127.0.0.1"}


class ManualClock:
    def __init__(self) -> None:
        self.time = 0.0
        self.speed = 1.0

    def now(self) -> float:
        return self.time


class NotedApps:
    """`answers`: the status that each running app gives, by address and port."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], int] = {}
        self.running: dict[str, wire.App] = {}
        self.stopped: list[tuple[str, float | None]] = []
        self.said: dict[str, list[tuple[int, str]]] = {}

    def boot(self, app: wire.App) -> tuple[str, int]:
        self.running[app.id] = app
        self.answers[app.address, app.port] = 503 if app.behaviour == "never-healthy" else 200
        return app.address, app.port

    def stop(self, id: str, grace: float) -> None:
        self._gone(id, grace)

    def kill(self, id: str) -> None:
        self._gone(id, None)

    def log(self, id: str) -> list[str]:
        return [f"log of {id}"]

    def news(self, ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
        return {id: lines for id in ids if (lines := self.said.pop(id, []))}

    def _gone(self, id: str, grace: float | None) -> None:
        if app := self.running.pop(id, None):
            del self.answers[app.address, app.port]
            self.stopped.append((id, grace))


class InstantProber:
    """Checks end at once, by what the noted apps answer; `slow`: addresses that never answer in time."""

    def __init__(self, apps: NotedApps) -> None:
        self._apps = apps
        self.checks: list[Check] = []
        self.slow: set[str] = set()

    def probe(self, check: Check, done: Callable[[Outcome], None]) -> None:
        self.checks.append(check)
        if check.address in self.slow:
            done(Outcome(timed_out=True))
        else:
            done(Outcome(status=self._apps.answers.get((check.address, check.port), 0)))


class NotedPlane:
    """`listeners`, `groups` and `targets`: what it has counted, by ARN or id."""

    def __init__(self) -> None:
        self.tables: list[wire.Table] = []
        self.listeners: dict[str, wire.Tally] = {}
        self.groups: dict[str, wire.Tally] = {}
        self.targets: dict[str, wire.Tally] = {}

    def apply(self, table: wire.Table) -> dict[str, tuple[str, int]]:
        self.tables.append(table)
        return {each.arn: (each.address, each.port or 40000 + n) for n, each in enumerate(table.listeners)}

    def counters(self) -> wire.Counters:
        version = self.tables[-1].version if self.tables else 0
        return wire.Counters(version, dict(self.listeners), {}, dict(self.groups), dict(self.targets))


class World:
    """A cloud and everything that a test turns or looks at."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.apps = NotedApps()
        self.prober = InstantProber(self.apps)
        self.plane = NotedPlane()
        self.cloud = Cloud(self.clock, self.apps, self.plane, self.prober)
        self.weather = Weather(self.clock, self.slept)
        self.naps: list[float] = []
        self.faulting = Faulting(self.cloud, self.weather)
        control = Control(self.cloud, self.faulting, {"account": "000000000000"}, REGION)
        self.control = control
        self.endpoint = Endpoint(self.cloud, control, self.weather)

    def slept(self, seconds: float) -> None:
        self.naps.append(seconds)

    def pass_time(self, seconds: float) -> None:
        """Lets simulated time go by as the cloud's own loop does: on to what is due next, at once when woken."""
        end = self.clock.time + seconds
        while True:
            due = self.cloud.step()
            if self.cloud.woken():
                continue
            if self.clock.time >= end:
                return
            assert due > self.clock.time, "something due wasn't done"
            self.clock.time = min(due, end)


class _Current:
    """The WSGI application of the test that runs now, behind one server for all tests."""

    def __init__(self) -> None:
        self.endpoint: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.endpoint(environ, start_response)


@pytest.fixture(scope="session")
def _served() -> Iterator[tuple[_Current, str]]:
    current = _Current()
    server = Server(current, 0)
    server.run()
    yield current, server.url
    server.close()


@pytest.fixture(scope="session")
def _clients(_served: tuple[_Current, str]) -> Callable[[str], Any]:
    os.environ["NO_PROXY"] = "127.0.0.1"
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=_served[1],
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
                config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
            )
        return made[service]

    return client


def forget() -> None:
    """Empties the stores whose names tests share. Networks may pile up: a new EC2 store takes half a second."""
    for region in (REGION, ELSEWHERE):
        for store in (stores.elbv2, stores.autoscaling, stores.ecr, stores.ssm, stores.cloudwatch, stores.sns):
            store(region).reset()
        ec2 = stores.ec2(region)
        for held in (ec2.launch_templates, ec2.launch_template_name_to_ids, ec2.reservations):
            held.clear()


@pytest.fixture
def world(_served: tuple[_Current, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # Nothing listens here, so what this machine's ports are used for must not matter.
    monkeypatch.setattr(balancing, "free", lambda port: True)
    forget()
    made = World()
    _served[0].endpoint = made.endpoint
    yield made
    # While the cloud still frees their addresses: the tests' networks have few.
    left = [machine.id for machine in made.cloud.instances.machines.values() if machine.instance.state != "terminated"]
    if left:
        stores.ec2(REGION).terminate_instances(left)
    made.cloud.close()
    forget()


@pytest.fixture
def aws(world: World, _clients: Callable[[str], Any]) -> Callable[[str], Any]:
    return _clients


def user_data(image: str, color: str = "blue", **changed: str) -> str:
    lines = {
        "SERVICE": "shop",
        "STACK": "dev",
        "COLOR": color,
        "FILL": "1",
        "RELEASE": "9c41",
        "IMAGE": image,
        "PORT": "8080",
        "HEALTH_PATH": "/health/deep",
    } | changed
    body = "\n".join(f"BLUEGREEN_{key}={value}" for key, value in lines.items())
    script = f"#!/bin/bash\nset -eu\ncat > /opt/bluegreen/release.env <<'END'\n{body}\nEND\ndocker compose up -d\n"
    return base64.b64encode(script.encode()).decode()


def permit(port: int = 8080, **who: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **who}


class Network:
    """A VPC with a gateway, a subnet in each of two zones, and a security group."""

    def __init__(self, aws: Callable[[str], Any]) -> None:
        ec2 = aws("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate("ab")
        ]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.security_group = ec2.create_security_group(GroupName="apps", Description="apps", VpcId=self.vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.security_group, IpPermissions=[permit(UserIdGroupPairs=[{"GroupId": self.security_group}])]
        )


class Site:
    """A balancer with a weighted rule, and two target groups; scaling groups on demand."""

    def __init__(self, world: World, aws: Callable[[str], Any], network: Network) -> None:
        self.world, self.aws = world, aws
        self.vpc, self.subnets, self.gateway = network.vpc, network.subnets, network.gateway
        self.security_group = network.security_group
        elb = aws("elbv2")
        self.balancer = elb.create_load_balancer(
            Name="shop", Subnets=self.subnets, SecurityGroups=[self.security_group]
        )["LoadBalancers"][0]
        self.blue, self.green = (self.target_group(f"shop-{color}") for color in ("blue", "green"))
        self.listener = elb.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Port=8099,
            Protocol="HTTP",
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]["ListenerArn"]
        self.rule = elb.create_rule(
            ListenerArn=self.listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[self.forward(100, 0)],
        )["Rules"][0]["RuleArn"]

    def target_group(self, name: str, **changed: Any) -> str:
        given = {
            "Name": name,
            "Protocol": "HTTP",
            "Port": 8080,
            "VpcId": self.vpc,
            "HealthCheckPath": "/health/deep",
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 3,
        } | changed
        arn: str = self.aws("elbv2").create_target_group(**given)["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def forward(self, blue: int, green: int) -> dict[str, Any]:
        groups = [{"TargetGroupArn": self.blue, "Weight": blue}, {"TargetGroupArn": self.green, "Weight": green}]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    def scaling_group(
        self,
        tag: str = "v1",
        *,
        name: str = "blue",
        data: str | None = None,
        profile: dict[str, str] | None = None,
        **changed: Any,
    ) -> str:
        image = images.push("shop", tag, REGION)["image"]
        template = self.aws("ec2").create_launch_template(
            LaunchTemplateName=f"{name}-template",
            LaunchTemplateData={
                "ImageId": "ami-12345678",
                "InstanceType": "t3.medium",
                "SecurityGroupIds": [self.security_group],
                "UserData": user_data(image, name) if data is None else data,
                **({"IamInstanceProfile": profile} if profile else {}),
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        given = {
            "AutoScalingGroupName": name,
            "MinSize": 2,
            "MaxSize": 6,
            "DesiredCapacity": 2,
            "VPCZoneIdentifier": ",".join(self.subnets),
            "LaunchTemplate": {"LaunchTemplateId": template, "Version": "1"},
            "TargetGroupARNs": [self.blue if name == "blue" else self.green],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": 300,
            "Tags": [{"Key": "bluegreen:color", "Value": name, "PropagateAtLaunch": True}],
        } | changed
        self.aws("autoscaling").create_auto_scaling_group(**given)
        return name

    def group(self, name: str = "blue") -> dict[str, Any]:
        groups = self.aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        found: dict[str, Any] = groups[0] if groups else {}
        return found

    def health(self, arn: str | None = None) -> list[tuple[str, str | None]]:
        answer = self.aws("elbv2").describe_target_health(TargetGroupArn=arn or self.blue)
        return [
            (each["TargetHealth"]["State"], each["TargetHealth"].get("Reason"))
            for each in answer["TargetHealthDescriptions"]
        ]


_networks: list[Network] = []


@pytest.fixture
def site(world: World, aws: Callable[[str], Any]) -> Site:
    """On a network that tests share."""
    if not _networks:
        _networks.append(Network(aws))
    return Site(world, aws, _networks[0])


@pytest.fixture
def lonely_site(world: World, aws: Callable[[str], Any]) -> Site:
    """On a network of its own, for tests that take it down."""
    return Site(world, aws, Network(aws))
