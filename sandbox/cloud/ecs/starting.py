"""Why a task can't start, in the words that Fargate puts into stoppedReason: image, secrets, logs. Changes nothing."""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import images as registry
from sandbox.cloud import stores
from sandbox.cloud.ecs import images, roles
from sandbox.cloud.ecs.model import Container, Task

_PULL = "CannotPullContainerError: pull image manifest has been retried {times} time(s): "
_INIT = "ResourceInitializationError: "
_SECRETS = _INIT + "unable to pull secrets or registry auth: "


class CannotStart(Exception):
    """The stoppedReason."""


@dataclass(frozen=True)
class Pulled:
    digest: str
    tag: str


def pull(task: Task, container: Container, role: str | None) -> Pulled:
    """The container's image in ECR. Raises CannotStart."""
    image = str(container.definition["image"])
    for action in ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        resource = "*" if action.endswith("Token") else _repository(image)
        if why := roles.refusal(role, task.id, action, resource):
            if action.endswith("Token"):
                raise CannotStart(
                    f"{_SECRETS}execution resource retrieval failed: unable to retrieve ecr registry auth: service "
                    f"call has been retried 1 time(s): {why}"
                )
            raise CannotStart(f"{_PULL.format(times=1)}failed to resolve ref {image}: {why}")
    _, at, _ = image.partition("@")
    try:
        if at:
            found = registry.pull(image)
            pulled = Pulled(found.digest, found.tag)
        else:
            pulled = _by_tag(image)
    except registry.NoSuchImage as error:
        raise CannotStart(f"{_PULL.format(times=5)}failed to resolve ref {image}: {image}: not found") from error
    wanted = (task.definition.given.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64"
    only = images.architecture(pulled.tag)
    if only and only != images.ARCHITECTURES.get(wanted):
        raise CannotStart(
            f"{_PULL.format(times=1)}image Manifest does not contain descriptor matching platform "
            f"'linux/{images.ARCHITECTURES.get(wanted, wanted)}'"
        )
    return pulled


def check_secrets(task: Task, container: Container, role: str | None) -> None:
    """Raises CannotStart."""
    for secret in container.definition.get("secrets") or []:
        source = str(secret["valueFrom"])
        if ":secretsmanager:" in source:
            _check_secret(task, source, role)
        else:
            _check_parameter(task, source, role)


def check_logs(task: Task, container: Container, role: str | None) -> None:
    """Raises CannotStart where the awslogs driver can't make its stream."""
    options = awslogs(container)
    if options is None:
        return
    from moto.logs.models import logs_backends

    group, region = options["awslogs-group"], options.get("awslogs-region") or task.region
    prefix = _INIT + "failed to validate logger args: create stream has been retried 1 times: failed to create "
    backend = logs_backends[stores.ACCOUNT][region]
    resource = f"arn:aws:logs:{region}:{stores.ACCOUNT}:log-group:{group}:log-stream:{stream(task, container)}"
    if why := roles.refusal(role, task.id, "logs:CreateLogStream", resource):
        raise CannotStart(f"{prefix}Cloudwatch log stream: {why} : exit status 1")
    if group not in backend.groups:
        if options.get("awslogs-create-group") != "true":
            raise CannotStart(
                f"{prefix}Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : "
                "exit status 1"
            )
        if why := roles.refusal(role, task.id, "logs:CreateLogGroup", resource.partition(":log-stream:")[0]):
            raise CannotStart(f"{prefix}Cloudwatch log group: {why} : exit status 1")
        backend.create_log_group(group, {})


def awslogs(container: Container) -> dict[str, str] | None:
    logs = container.definition.get("logConfiguration") or {}
    return dict(logs.get("options") or {}) if logs.get("logDriver") == "awslogs" else None


def stream(task: Task, container: Container) -> str:
    """The log stream's name: prefix/container/task."""
    prefix = (awslogs(container) or {}).get("awslogs-stream-prefix")
    return f"{prefix}/{container.name}/{task.id}" if prefix else task.id


def _by_tag(image: str) -> Pulled:
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = image, "latest"
    host, _, name = repository.partition("/")
    parts = host.split(".")
    if len(parts) < 6 or parts[0] != stores.ACCOUNT or parts[1:3] != ["dkr", "ecr"]:
        raise registry.NoSuchImage(f"{host} is not this account's registry")
    held = stores.ecr(parts[3]).repositories.get(name)
    for each in held.images if held is not None else ():
        if tag in each.image_tags:
            return Pulled(each.image_digest, tag)
    raise registry.NoSuchImage(image)


def _repository(image: str) -> str:
    host, _, rest = image.partition("/")
    name = rest.partition("@")[0].partition(":")[0]
    parts = host.split(".")
    region = parts[3] if len(parts) > 3 else "*"
    return f"arn:aws:ecr:{region}:{parts[0]}:repository/{name}"


def _check_secret(task: Task, source: str, role: str | None) -> None:
    from moto.secretsmanager.models import secretsmanager_backends

    parts = source.split(":")
    arn, (key, stage, version) = ":".join(parts[:7]), [*parts[7:10], "", "", ""][:3]
    what = (
        f"{_SECRETS}execution resource retrieval failed: unable to retrieve secret from asm: service call has been "
        f"retried 1 time(s): failed to fetch secret {arn} from secrets manager: "
    )
    secrets = secretsmanager_backends[stores.ACCOUNT][parts[3]].secrets
    secret = secrets.get(arn)
    full = secret.arn if secret is not None else arn
    if why := roles.refusal(role, task.id, "secretsmanager:GetSecretValue", full):
        raise CannotStart(what + why)
    missing = "ResourceNotFoundException: Secrets Manager can't find the specified secret"
    if secret is None or secret.is_deleted():
        raise CannotStart(f"{what}{missing}.")
    stage = stage or "AWSCURRENT"
    held = [each for each in secret.versions.values() if stage in each["version_stages"]]
    value = secret.versions.get(version) if version else (held[0] if held else None)
    if value is None:
        raise CannotStart(
            f"{what}{missing} value for {'VersionId' if version else 'staging label'}: {version or stage}."
        )
    if key and key not in _object(value.get("secret_string")):
        raise CannotStart(
            f"{_SECRETS}execution resource retrieval failed: unable to retrieve secret from asm: service call has been "
            f"retried 1 time(s): retrieved secret from Secrets Manager did not contain json key {key}"
        )


def _check_parameter(task: Task, source: str, role: str | None) -> None:
    if source.startswith("arn:"):
        region, name = source.split(":")[3], source.partition(":parameter")[2]
        names = {name, name.removeprefix("/")}
    else:
        region, names = task.region, {source}
    arn = f"arn:aws:ssm:{region}:{stores.ACCOUNT}:parameter/{min(names, key=len).removeprefix('/')}"
    what = (
        f"{_SECRETS}execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been "
        "retried 1 time(s): "
    )
    if why := roles.refusal(role, task.id, "ssm:GetParameters", arn):
        raise CannotStart(what + why)
    if not any(stores.ssm(region).get_parameters([name]) for name in names):
        raise CannotStart(f"{what}fetching secrets from SSM Parameter Store in {region}: invalid parameters: {source}")


def _object(text: Any) -> dict[str, Any]:
    try:
        held = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}
