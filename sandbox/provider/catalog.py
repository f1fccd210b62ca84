"""Everything that the sandbox has of pulumi-aws, by token."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider.resource import Job, Resource

Lookup = Callable[[Job], Properties]

SERVICES = (
    "application_scaling",
    "autoscaling_group",
    "autoscaling_hook",
    "autoscaling_policy",
    "cloudwatch",
    "ec2_addresses",
    "ec2_endpoint",
    "ec2_launch_template",
    "ec2_lookups",
    "ec2_routes",
    "ec2_security",
    "ec2_vpc",
    "ecr",
    "ecs_cluster",
    "ecs_lookups",
    "ecs_service",
    "ecs_task_definition",
    "ecr_repository",
    "elasticache",
    "elb_balancer",
    "elb_listener",
    "elb_lookups",
    "elb_target_group",
    "iam",
    "logs",
    "s3",
    "s3_objects",
    "s3_settings",
    "secrets",
    "ssm",
    "sts",
)


@functools.cache
def resources() -> Mapping[str, Resource]:
    found: dict[str, Resource] = {}
    for module in _modules():
        for made in getattr(module, "RESOURCES", ()):
            found[made.token] = made
    return found


@functools.cache
def lookups() -> Mapping[str, Lookup]:
    found: dict[str, Lookup] = {}
    for module in _modules():
        found |= getattr(module, "LOOKUPS", {})
    return found


def resource(token: str) -> Resource:
    """Raises ProviderError that names what there is."""
    found = resources().get(token)
    if found is None:
        raise ProviderError(f"the sandbox has no resource {token}; it has {', '.join(sorted(resources()))}")
    return found


def lookup(token: str) -> Lookup:
    """Raises ProviderError that names what there is."""
    found = lookups().get(token)
    if found is None:
        raise ProviderError(f"the sandbox has no function {token}; it has {', '.join(sorted(lookups()))}")
    return found


def _modules() -> list[object]:
    return [importlib.import_module(f"sandbox.provider.services.{name}") for name in SERVICES]
