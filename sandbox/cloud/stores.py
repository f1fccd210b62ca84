"""Where moto keeps what exists: the one account's stores, in the regions that are in use."""

import os
from collections.abc import Iterator
from typing import Any

ACCOUNT = "000000000000"  # no real account has it

# moto asks this variable first when it looks for the account of a request.
os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT


def ec2(region: str) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[ACCOUNT][region]


def elbv2(region: str) -> Any:
    from moto.elbv2.models import elbv2_backends

    return elbv2_backends[ACCOUNT][region]


def autoscaling(region: str) -> Any:
    from moto.autoscaling.models import autoscaling_backends

    return autoscaling_backends[ACCOUNT][region]


def ssm(region: str) -> Any:
    from moto.ssm.models import ssm_backends

    return ssm_backends[ACCOUNT][region]


def ecr(region: str) -> Any:
    from moto.ecr.models import ecr_backends

    return ecr_backends[ACCOUNT][region]


def repositories(name: str) -> Iterator[Any]:
    """The ECR repositories of that name, of any region."""
    from moto.ecr.models import ecr_backends

    for backend in list(ecr_backends[ACCOUNT].values()):
        if name in backend.repositories:
            yield backend.repositories[name]


def cloudwatch(region: str) -> Any:
    from moto.cloudwatch.models import cloudwatch_backends

    return cloudwatch_backends[ACCOUNT][region]


def alarms() -> Iterator[tuple[str, Any]]:
    """Each alarm with its region."""
    from moto.cloudwatch.models import cloudwatch_backends

    for region, backend in list(cloudwatch_backends[ACCOUNT].items()):
        for alarm in list(backend.alarms.values()):
            yield region, alarm


def sns(region: str) -> Any:
    from moto.sns.models import sns_backends

    return sns_backends[ACCOUNT][region]


def s3() -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"]


def secrets(region: str) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    return secretsmanager_backends[ACCOUNT][region]


def logs(region: str) -> Any:
    from moto.logs.models import logs_backends

    return logs_backends[ACCOUNT][region]


def instance_profiles() -> dict[str, Any]:
    """By name and by ARN."""
    from moto.iam.models import iam_backends

    profiles = iam_backends[ACCOUNT]["aws"].instance_profiles.values()
    return {key: profile for profile in profiles for key in (profile.name, profile.arn)}


def scaling_groups() -> Iterator[tuple[str, Any]]:
    """Each scaling group with its region."""
    from moto.autoscaling.models import autoscaling_backends

    for region, backend in list(autoscaling_backends[ACCOUNT].items()):
        for group in list(backend.autoscaling_groups.values()):
            yield region, group


def target_groups() -> Iterator[tuple[str, Any]]:
    from moto.elbv2.models import elbv2_backends

    for region, backend in list(elbv2_backends[ACCOUNT].items()):
        for group in list(backend.target_groups.values()):
            yield region, group


def load_balancers() -> Iterator[tuple[str, Any]]:
    from moto.elbv2.models import elbv2_backends

    for region, backend in list(elbv2_backends[ACCOUNT].items()):
        for balancer in list(backend.load_balancers.values()):
            yield region, balancer


def listeners() -> Iterator[tuple[Any, Any]]:
    """Each listener with its load balancer."""
    for _, balancer in load_balancers():
        for listener in list(balancer.listeners.values()):
            yield balancer, listener


def rules_in_order(listener: Any) -> list[Any]:
    """A listener's own rules by priority, without the default one."""
    return sorted(listener._non_default_rules.values(), key=lambda rule: int(rule.priority))


def forwarded_to(actions: list[Any]) -> list[tuple[str, int]]:
    """The target groups of a forward action, by ARN, with their weights."""
    for action in actions:
        if action.type != "forward":
            continue
        groups = (action.data.get("ForwardConfig") or {}).get("TargetGroups") or []
        if groups:
            return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]
        if arn := action.data.get("TargetGroupArn"):
            return [(arn, 1)]
    return []


def balancers_by_target_group() -> dict[str, Any]:
    """The load balancer that a target group gets traffic from, by the group's ARN. AWS allows one."""
    used = {}
    for balancer, listener in listeners():
        for actions in [listener.default_actions, *(rule.actions for rule in listener._non_default_rules.values())]:
            for arn, _ in forwarded_to(actions):
                used[arn] = balancer
    return used
