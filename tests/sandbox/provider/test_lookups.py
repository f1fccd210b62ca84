"""Lookups: what they find, what they say where there is nothing or too much, and that the SDK can read it."""

from __future__ import annotations

import importlib
import inspect
import json
import re

import pytest

from sandbox.engine.protocol import ProviderError, Secret
from sandbox.provider import catalog
from sandbox.provider.values import bare

ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"
BALANCER, BALANCERS = "aws:lb/getLoadBalancer:getLoadBalancer", "aws:lb/getLbs:getLbs"
IMAGE, RULE = "aws:ecr/getImage:getImage", "aws:lb/getListenerRule:getListenerRule"
SUBNETS, PATH = "aws:ec2/getSubnets:getSubnets", "aws:ssm/getParametersByPath:getParametersByPath"
GET_SECRET = "aws:secretsmanager/getSecret:getSecret"
GET_VALUE = "aws:secretsmanager/getSecretVersion:getSecretVersion"
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def repository(environ):
    import boto3

    client = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    client.create_repository(repositoryName="app")
    # moto makes the digest of the layers, AWS of the whole manifest.
    layers = [[{"digest": f"sha256:{number:064d}"}] for number in (1, 2)]
    manifests = [json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": {}, "layers": held}) for held in layers]
    pushed = [
        client.put_image(repositoryName="app", imageManifest=manifest, imageTag=f"v{number}")
        for number, manifest in enumerate(manifests, 1)
    ]
    return [held["image"]["imageId"]["imageDigest"] for held in pushed]


def arguments(world, token):
    """Something that each lookup finds."""
    vpc = world.vpc()
    return {
        "aws:ec2/getAmi:getAmi": {"filters": [{"name": "image-id", "values": ["ami-12c6146b"]}]},
        "aws:ec2/getSubnet:getSubnet": {"id": world.subnet().id},
        SUBNETS: {"filters": [{"name": "vpc-id", "values": [vpc.id]}]},
        "aws:ec2/getVpc:getVpc": {"id": vpc.id},
        IMAGE: {"repositoryName": "app", "imageTag": "v1"},
        BALANCER: {"arn": world.balancer().id},
        BALANCERS: {},
        RULE: {"arn": rule(world).id},
        "aws:ssm/getParameter:getParameter": {"name": parameter(world)},
        PATH: {"path": "/looked"},
        GET_SECRET: {"name": secret(world)["name"]},
        GET_VALUE: {"secretId": secret(world).id},
        "aws:ec2/getRouteTables:getRouteTables": {"vpcId": vpc.id},
    }.get(token, {})


def parameter(world):
    inputs = {"name": "/looked/up", "type": "String", "insecureValue": "found"}
    return world.share("parameter", lambda: world.make("aws:ssm/parameter:Parameter", **inputs)).id


def secret(world):
    def make():
        made = world.make("aws:secretsmanager/secret:Secret", name="/looked/up")
        world.make("aws:secretsmanager/secretVersion:SecretVersion", secretId=made.id, secretString="found")
        return made

    return world.share("secret", make)


def rule(world):
    def make():
        nothing = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
        listener = world.make(
            "aws:lb/listener:Listener",
            loadBalancerArn=world.balancer().id,
            port=world.free_port(),
            defaultActions=[nothing],
        )
        shares = [{"arn": arn, "weight": weight} for arn, weight in zip(world.target_groups(), (90, 10), strict=True)]
        forward = {"targetGroups": shares, "stickiness": {"enabled": False, "duration": 1}}
        return world.make(
            "aws:lb/listenerRule:ListenerRule",
            listenerArn=listener.id,
            priority=5,
            conditions=[{"pathPattern": {"values": ["/*"]}}],
            actions=[{"type": "forward", "forward": forward}],
        )

    return world.share("rule", make)


def sdk_function(token):
    package, name = token.split(":")[1:]
    package = package.split("/")[0]
    module = importlib.import_module("pulumi_aws" if package == "index" else f"pulumi_aws.{package}")
    return getattr(module, re.sub(r"(?<!^)([A-Z])", lambda found: "_" + found[1].lower(), name))


def result_names(token):
    """The fields of pulumi-aws's answer."""
    result = inspect.signature(sdk_function(token)).return_annotation
    module = inspect.getmodule(sdk_function(token))
    class_ = next(
        held
        for name, held in vars(module).items()
        if name.endswith("Result") and f"Awaitable{name}" in str(result) and inspect.isclass(held)
    )
    return {
        getattr(held.fget, "_pulumi_name", name) for name, held in vars(class_).items() if isinstance(held, property)
    }


# Those of ECS are asked in test_lives_ecs, where the sandbox's ECS is.
@pytest.mark.parametrize("token", sorted(token for token in catalog.lookups() if not token.startswith("aws:ecs/")))
def test_answers_have_the_names_of_pulumi_aws(world, repository, token):
    answer = bare(world.provider.invoke(token, arguments(world, token)))
    assert answer.keys() <= result_names(token)


def test_zones(provider):
    assert provider.invoke(ZONES, {})["names"][:2] == ["us-east-1a", "us-east-1b"]
    assert "us-east-1a" not in provider.invoke(ZONES, {"excludeNames": ["us-east-1a"]})["names"]
    assert provider.invoke(ZONES, {"state": "available"})["names"]


def test_who_and_where(provider):
    identity = provider.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})
    assert identity["accountId"] == "000000000000"
    region = provider.invoke("aws:index/getRegion:getRegion", {})
    assert (region["region"], region["description"]) == ("us-east-1", "US East (N. Virginia)")


def test_parameters_by_path(world):
    name = parameter(world)
    found = world.provider.invoke(PATH, {"path": "/looked"})
    assert found["names"] == [name]
    assert found["values"] == Secret(["found"])
    nothing = world.provider.invoke(PATH, {"path": "/nothing/here"})
    assert (nothing["names"], nothing["types"], nothing["arns"], bare(nothing["values"])) == ([], [], [], [])


def test_a_parameter(world):
    found = world.provider.invoke("aws:ssm/getParameter:getParameter", {"name": parameter(world)})
    assert (found["value"], found["insecureValue"], found["version"]) == (Secret("found"), "found", 1)
    with pytest.raises(ProviderError, match="ParameterNotFound"):
        world.provider.invoke("aws:ssm/getParameter:getParameter", {"name": "/no"})


def test_an_image(provider, repository):
    first = provider.invoke(IMAGE, {"repositoryName": "app", "imageTag": "v1"})
    assert first["imageDigest"] == repository[0]
    assert first["imageUri"].endswith(f"/app@{repository[0]}")
    by_digest = provider.invoke(IMAGE, {"repositoryName": "app", "imageDigest": repository[1]})
    assert by_digest["imageTags"] == ["v2"]
    assert provider.invoke(IMAGE, {"repositoryName": "app", "mostRecent": True})["imageDigest"] in repository
    with pytest.raises(ProviderError, match="ImageNotFound"):
        provider.invoke(IMAGE, {"repositoryName": "app", "imageTag": "v9"})
    with pytest.raises(ProviderError, match="RepositoryNotFound"):
        provider.invoke(IMAGE, {"repositoryName": "none", "imageTag": "v1"})
    with pytest.raises(ProviderError, match="one of imageDigest, imageTag, mostRecent"):
        provider.invoke(IMAGE, {"repositoryName": "app"})


def test_balancers_by_tags(world):
    tags = {"bluegreen:project": "lookups", "bluegreen:stack": "dev"}
    assert world.provider.invoke(BALANCERS, {"tags": tags})["arns"] == []
    subnets = [world.subnet(number).id for number in (0, 1)]
    made = world.make("aws:lb/loadBalancer:LoadBalancer", subnets=subnets, tags={**tags, "more": "x"})
    assert world.provider.invoke(BALANCERS, {"tags": tags})["arns"] == [made.id]
    assert world.provider.invoke(BALANCER, {"tags": tags})["dnsName"] == made["dnsName"]
    assert world.provider.invoke(BALANCER, {"name": made["name"]})["arn"] == made.id
    with pytest.raises(ProviderError, match="no ELBv2 Load Balancer found"):
        world.provider.invoke(BALANCER, {"tags": {"none": "none"}})


def test_a_rules_weights(world):
    found = world.provider.invoke(RULE, {"arn": rule(world).id})
    assert [group["weight"] for group in found["actions"][0]["forwards"][0]["targetGroups"]] == [90, 10]
    assert found["conditions"][0]["pathPatterns"][0]["values"] == ["/*"]
    by_place = {"listenerArn": rule(world)["listenerArn"], "priority": 5}
    assert world.provider.invoke(RULE, by_place)["arn"] == found["arn"]
    assert found["listenerArn"] == rule(world)["listenerArn"]


def test_a_secret_and_its_value(world):
    made = secret(world)
    for asked in ({"name": "/looked/up"}, {"arn": made.id}):
        assert world.provider.invoke(GET_SECRET, asked)["arn"] == made.id
    assert world.provider.invoke(GET_VALUE, {"secretId": "/looked/up"})["secretString"] == Secret("found")
    with pytest.raises(ProviderError, match="ResourceNotFound"):
        world.provider.invoke(GET_SECRET, {"name": "/looked/nowhere"})
    with pytest.raises(ProviderError, match="one of arn, name"):
        world.provider.invoke(GET_SECRET, {})
    empty = world.make("aws:secretsmanager/secret:Secret", name="/looked/empty")
    with pytest.raises(ProviderError, match="ResourceNotFound"):
        world.provider.invoke(GET_VALUE, {"secretId": empty.id})
    empty.delete()
    with pytest.raises(ProviderError, match="scheduled for deletion"):
        world.provider.invoke(GET_SECRET, {"name": "/looked/empty"})


def test_route_tables_by_their_subnets(world):
    subnet, token = world.subnet().id, "aws:ec2/getRouteTables:getRouteTables"
    table = world.make("aws:ec2/routeTable:RouteTable", vpcId=world.vpc().id)
    asked = {"vpcId": world.vpc().id, "filters": [{"name": "association.subnet-id", "values": [subnet]}]}
    assert table.id not in world.provider.invoke(token, asked)["ids"]
    association = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    made = world.make(association, routeTableId=table.id, subnetId=subnet)
    assert world.provider.invoke(token, asked)["ids"] == [table.id]
    made.delete()


def test_networks(world):
    vpc = world.vpc()
    by_id = world.provider.invoke("aws:ec2/getVpc:getVpc", {"id": vpc.id})
    assert (by_id["cidrBlock"], by_id["default"]) == ("10.0.0.0/16", False)
    assert world.provider.invoke("aws:ec2/getVpc:getVpc", {"default": True})["cidrBlock"] == "172.31.0.0/16"
    with pytest.raises(ProviderError, match="no matching EC2 VPC found"):
        world.provider.invoke("aws:ec2/getVpc:getVpc", {"cidrBlock": "10.99.0.0/16"})

    subnet = world.subnet()
    filters = [{"name": "vpc-id", "values": [vpc.id]}]
    assert subnet.id in world.provider.invoke(SUBNETS, {"filters": filters})["ids"]
    assert world.provider.invoke(SUBNETS, {"tags": {"none": "none"}})["ids"] == []
    found = world.provider.invoke("aws:ec2/getSubnet:getSubnet", {"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24"})
    assert found["id"] == subnet.id
    with pytest.raises(ProviderError, match="multiple EC2 Subnets matched"):
        world.provider.invoke("aws:ec2/getSubnet:getSubnet", {"state": "available"})


def test_machine_images(world):
    """By a filter: moto knows a thousand images, and takes its time to list them."""
    token, amis = "aws:ec2/getAmi:getAmi", [{"name": "image-id", "values": ["ami-12c6146b", "ami-03cf127a"]}]
    with pytest.raises(ProviderError, match="more than one result"):
        world.provider.invoke(token, {"filters": amis})
    with pytest.raises(ProviderError, match="no results"):
        world.provider.invoke(token, {"filters": amis, "nameRegex": "^none$", "mostRecent": True})
