"""Every resource's schema against pulumi_aws's own types: names, kinds, what is required, what makes a new one."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
import typing
from typing import Any

import pulumi
import pytest

from sandbox.provider import catalog
from sandbox.provider.schema import Block, Blocks, Flag, Input, Labels, Naming, Number, Text, Texts


@functools.cache
def sdk_class(token: str) -> type:
    """Straight from its own module: the packages fill themselves only when asked for a name."""
    package, name = token.split(":")[1:]
    module = importlib.import_module(f"pulumi_aws.{package.split('/')[0]}")
    found = getattr(module, name)
    assert found.pulumi_type == token
    return found


def arguments(sdk: type) -> type:
    # `InitArgs` where the other name is taken by a block.
    module = vars(sys.modules[sdk.__module__])
    return module.get(f"{sdk.__name__}InitArgs") or module[f"{sdk.__name__}Args"]


def wire_names(class_: type) -> dict[str, str]:
    """Python names and what they are called on the wire."""
    return {
        name: getattr(member.fget, "_pulumi_name", name)
        for name, member in inspect.getmembers(class_, lambda held: isinstance(held, property))
        if not name.startswith("pulumi_resource")
    }


def hints(class_: type) -> dict[str, Any]:
    names = wire_names(class_)
    scope = {**vars(pulumi), "T": Any, **vars(sys.modules[class_.__module__])}
    found = {}
    for name, wire in names.items():
        getter = getattr(class_, name).fget
        found[wire] = typing.get_type_hints(getter, globalns=scope, localns=scope)["return"]
    return found


def members(hint: Any) -> list[Any]:
    """All classes that a hint allows, at any depth."""
    inner = typing.get_args(hint)
    return [hint, *(found for one in inner for found in members(one))] if inner else [hint]


def is_list(hint: Any) -> bool:
    return any("Sequence" in str(typing.get_origin(one)) for one in members(hint))


def is_map(hint: Any) -> bool:
    return any("Mapping" in str(typing.get_origin(one)) for one in members(hint))


def block_class(hint: Any) -> type | None:
    for one in members(hint):
        if isinstance(one, type) and one.__name__.endswith("Args") and not one.__name__.endswith("ArgsDict"):
            return one
    return None


def mismatches(path: str, input_: Input, hint: Any) -> list[str]:
    plain = {one for one in members(hint) if one in (str, int, float, bool)}
    if any(isinstance(one, type) and issubclass(one, str) for one in members(hint)):
        plain.add(str)
    kind = input_.kind
    expected: bool
    match kind:
        case Text():
            expected = str in plain and not is_list(hint)
        case Number():
            expected = bool({int, float} & plain) and not is_list(hint)
        case Flag():
            expected = bool in plain
        case Texts():
            expected = is_list(hint) and str in plain
        case Labels():
            expected = is_map(hint)
        case Block() | Blocks():
            expected = block_class(hint) is not None and is_list(hint) == isinstance(kind, Blocks)
    if not expected:
        return [f"{path}: {type(kind).__name__} is not {hint}"]
    if isinstance(kind, Block | Blocks):
        inner = block_class(hint)
        assert inner is not None
        return fields_against(path, kind.fields, inner)
    return []


def fields_against(path: str, fields: Any, class_: type) -> list[str]:
    theirs = hints(class_)
    required = {
        wire_names(class_)[name]
        for name, parameter in inspect.signature(class_.__init__).parameters.items()
        if name in wire_names(class_) and parameter.default is inspect.Parameter.empty
    }
    wrong = [f"{path}.{key}: pulumi_aws has no such input" for key in fields if key not in theirs]
    wrong += [
        f"{path}.{key}: required in pulumi_aws" for key in required if key not in fields or not fields[key].required
    ]
    for key, input_ in fields.items():
        if key in theirs:
            wrong += mismatches(f"{path}.{key}", input_, theirs[key])
    return wrong


# Required here because AWS's API or its provider refuses the rest at apply, though the SDK's types allow it.
STRICTER = {
    "aws:ec2/natGateway:NatGateway.subnetId",
    "aws:cloudwatch/metricAlarm:MetricAlarm.comparisonOperator",
    "aws:cloudwatch/metricAlarm:MetricAlarm.evaluationPeriods",
    "aws:s3/bucketObjectv2:BucketObjectv2.key",
}


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_inputs_are_those_of_pulumi_aws(token):
    resource, sdk = catalog.resources()[token], sdk_class(token)
    assert fields_against(token, resource.fields(), arguments(sdk)) == []
    theirs = {
        wire_names(arguments(sdk))[name]
        for name, parameter in inspect.signature(arguments(sdk).__init__).parameters.items()
        if name in wire_names(arguments(sdk)) and parameter.default is inspect.Parameter.empty
    }
    ours = {key for key, input_ in resource.fields().items() if input_.required}
    assert {f"{token}.{key}" for key in ours - theirs} <= STRICTER


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_outputs_are_those_of_pulumi_aws(token):
    resource, sdk = catalog.resources()[token], sdk_class(token)
    outputs = set(wire_names(sdk).values()) - {"id", "urn"}
    inputs = set(wire_names(arguments(sdk)).values())
    missing, strange = outputs - inputs - set(resource.computed), set(resource.computed) - outputs
    assert (sorted(missing), sorted(strange)) == (NOT_MADE.get(token, []), [])
    assert set(resource.moving) <= outputs
    assert resource.regional == ("region" in outputs)


# Outputs that only inputs which the sandbox does not take can fill.
NOT_MADE = {
    "aws:ec2/eip:Eip": ["carrierIp", "ptrRecord"],
    "aws:ec2/natGateway:NatGateway": [
        "autoProvisionZones",
        "autoScalingIps",
        "regionalNatGatewayAddresses",
        "regionalNatGatewayAutoMode",
        "routeTableId",
    ],
    "aws:ec2/subnet:Subnet": ["ipv6CidrBlockAssociationId"],
    "aws:ec2/vpc:Vpc": ["ipv6AssociationId"],
    "aws:s3/bucket:Bucket": ["websiteDomain", "websiteEndpoint"],
}


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_what_names_itself_has_a_name_to_fill(token):
    resource = catalog.resources()[token]
    naming = resource.naming
    if "name" in resource.inputs or naming is not None:
        assert isinstance(naming, Naming)
        named = resource.inputs[naming.input]
        assert named.replaces, "a name is an identity"
        assert not named.required
        if naming.prefix_input in resource.inputs:
            assert resource.inputs[naming.prefix_input].replaces


FORCES = re.compile(r"forces? (a )?new resource|forces? (a )?replacement|forces? (a )?new \w+|will be recreated", re.I)


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_what_the_docs_say_forces_a_new_resource_does(token):
    resource, class_ = catalog.resources()[token], arguments(sdk_class(token))
    text = class_.__init__.__doc__ or ""
    forcing = []
    for name, said in re.findall(r":param [^:]*?(\w+): (.*?)(?=\n\s+:param|\Z)", text, re.S):
        # A service's new *task* deployment is forced, and no new service.
        if FORCES.search(said.replace("force a new task deployment", "")):
            forcing.append(wire_names(class_).get(name, name))
    missing = [key for key in forcing if key in resource.inputs and not resource.inputs[key].replaces]
    assert missing == []


def test_every_type_that_was_promised_is_there():
    """The types that the infrastructure program is allowed to use."""
    promised = """
        aws:ec2/vpc:Vpc aws:ec2/subnet:Subnet aws:ec2/internetGateway:InternetGateway aws:ec2/eip:Eip
        aws:ec2/natGateway:NatGateway aws:ec2/routeTable:RouteTable aws:ec2/route:Route
        aws:ec2/routeTableAssociation:RouteTableAssociation aws:ec2/securityGroup:SecurityGroup
        aws:ec2/launchTemplate:LaunchTemplate aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule
        aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule aws:lb/loadBalancer:LoadBalancer
        aws:lb/listener:Listener aws:lb/listenerRule:ListenerRule aws:lb/targetGroup:TargetGroup
        aws:autoscaling/group:Group aws:autoscaling/policy:Policy aws:iam/role:Role aws:iam/rolePolicy:RolePolicy
        aws:iam/rolePolicyAttachment:RolePolicyAttachment aws:iam/instanceProfile:InstanceProfile
        aws:ssm/parameter:Parameter aws:s3/bucket:Bucket aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock
        aws:ecs/cluster:Cluster aws:ecs/clusterCapacityProviders:ClusterCapacityProviders aws:ecs/service:Service
        aws:ecs/taskDefinition:TaskDefinition aws:appautoscaling/target:Target aws:appautoscaling/policy:Policy
        aws:s3/bucketVersioning:BucketVersioning aws:cloudwatch/logGroup:LogGroup aws:cloudwatch/metricAlarm:MetricAlarm
    """
    assert set(promised.split()) <= set(catalog.resources())
