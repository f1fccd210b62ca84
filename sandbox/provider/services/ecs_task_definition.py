"""Task definitions: every change but that of tags is a new revision."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Input, Text, block, blocks, flag, number, text, texts
from sandbox.provider.services.ecs import ecs, tag_outputs, tagged, update_tags
from sandbox.provider.tagging import TAGS

_SETS = ("environment", "secrets", "portMappings", "mountPoints", "volumesFrom", "ulimits", "systemControls")


@dataclass(frozen=True)
class ContainerDefinitions(Text):
    """A JSON document in which AWS fills in defaults, and in which some lists have no order."""

    def same(self, old: Any, new: Any) -> bool:
        try:
            return normal(old) == normal(new)
        except (TypeError, ValueError, AttributeError):
            return bool(old == new)


def normal(text: str) -> list[Any]:
    """Container definitions with defaults taken out and sets in order. Raises ValueError and the like for others."""
    return sorted((_normal_container(held) for held in json.loads(text)), key=lambda held: str(held.get("name")))


def _normal_container(given: dict[str, Any]) -> dict[str, Any]:
    held = {key: value for key, value in given.items() if value not in (None, [], {}, "")}
    held["essential"] = held.get("essential", True)
    if not held.get("cpu"):
        held.pop("cpu", None)
    ports = [{"protocol": "tcp", **each} for each in held.get("portMappings", [])]
    for each in ports:
        each["hostPort"] = each.get("hostPort") or each.get("containerPort")
    if ports:
        held["portMappings"] = ports
    if check := held.get("healthCheck"):
        held["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3, **check}
    for key in _SETS:
        if isinstance(held.get(key), list):
            held[key] = sorted(held[key], key=lambda each: json.dumps(each, sort_keys=True))
    return held


class TaskDefinition(Resource):
    """Its id is its family, as in AWS's provider; the revision is in its ARN."""

    token = "aws:ecs/taskDefinition:TaskDefinition"
    label = "ECS Task Definition"
    inputs: ClassVar[Fields] = {
        "family": text(required=True, replaces=True, longest=255),
        "containerDefinitions": Input(ContainerDefinitions(), required=True, replaces=True),
        "cpu": text(replaces=True),
        "memory": text(replaces=True),
        "networkMode": text("awsvpc", "bridge", "host", "none", kept=True, replaces=True),
        "executionRoleArn": text(replaces=True),
        "taskRoleArn": text(replaces=True),
        "requiresCompatibilities": texts("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES", replaces=True),
        "runtimePlatform": block(
            {"cpuArchitecture": text("X86_64", "ARM64"), "operatingSystemFamily": text()}, replaces=True
        ),
        "ephemeralStorage": block({"sizeInGib": number(21, 200, required=True)}, replaces=True),
        "volumes": blocks({"name": text(required=True)}, key="name", replaces=True),
        "pidMode": text("host", "task", replaces=True),
        "enableFaultInjection": flag(kept=True, replaces=True),
        "skipDestroy": flag(False),
        "trackLatest": flag(False),
        **TAGS,
    }
    computed = ("arn", "arnWithoutRevision", "revision", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        text_ = news["containerDefinitions"]
        if not isinstance(text_, str):
            return []
        wrong = ""
        try:
            held = json.loads(text_)
        except ValueError as error:
            wrong = str(error)
        else:
            if not isinstance(held, list) or not all(isinstance(each, dict) for each in held):
                wrong = "not a list of objects"
        said = f"ECS Task Definition container_definitions is invalid: {wrong}"
        return [("containerDefinitions", said)] if wrong else []

    def create(self, job: Job) -> str:
        news = job.news
        plain = (
            "family",
            "cpu",
            "memory",
            "networkMode",
            "executionRoleArn",
            "taskRoleArn",
            "requiresCompatibilities",
            "runtimePlatform",
            "volumes",
            "pidMode",
            "enableFaultInjection",
        )
        storage = news.get("ephemeralStorage")
        answer = ecs(job).register_task_definition(
            containerDefinitions=json.loads(news["containerDefinitions"]),
            **{key: news[key] for key in plain if news.get(key) is not None},
            **({"ephemeralStorage": {"sizeInGiB": storage["sizeInGib"]}} if storage else {}),
            **tagged(news),
        )
        # Which revision this one is, for the first look at it.
        job.olds["arn"] = answer["taskDefinition"]["taskDefinitionArn"]
        return str(answer["taskDefinition"]["family"])

    def read(self, job: Job, id_: str) -> Properties | None:
        arn = job.olds.get("arn") or id_
        if job.olds.get("trackLatest") and job.olds.get("family"):
            arn = job.olds["family"]
        answer = ecs(job).describe_task_definition(taskDefinition=arn, include=["TAGS"])
        held = answer["taskDefinition"]
        if held["status"] != "ACTIVE":
            return None
        storage = held.get("ephemeralStorage")
        outputs = definition_outputs(held)
        asked = job.given("containerDefinitions")
        if asked and ContainerDefinitions().same(outputs["containerDefinitions"], asked):
            outputs["containerDefinitions"] = asked
        return {
            "id": held["family"],
            **outputs,
            "requiresCompatibilities": ordered_like(
                held.get("requiresCompatibilities", []), job.given("requiresCompatibilities")
            ),
            "runtimePlatform": held.get("runtimePlatform"),
            "ephemeralStorage": {"sizeInGib": storage["sizeInGiB"]} if storage else None,
            "volumes": [{"name": each["name"]} for each in held.get("volumes", [])],
            **tag_outputs(answer.get("tags")),
        }

    def update(self, job: Job, id_: str) -> None:
        update_tags(job, job.olds["arn"])

    def delete(self, job: Job, id_: str) -> None:
        if not job.olds.get("skipDestroy"):
            ecs(job).deregister_task_definition(taskDefinition=job.olds["arn"])

    def says_gone(self, error: Exception) -> bool:
        return "Unable to describe task definition" in str(error)


def definition_outputs(held: dict[str, Any]) -> Properties:
    return {
        "arn": held["taskDefinitionArn"],
        "arnWithoutRevision": held["taskDefinitionArn"].rpartition(":")[0],
        "revision": held["revision"],
        "family": held["family"],
        "containerDefinitions": json.dumps(
            [_written(each) for each in held["containerDefinitions"]], separators=(",", ":"), sort_keys=True
        ),
        "cpu": held.get("cpu"),
        "memory": held.get("memory"),
        "networkMode": held.get("networkMode"),
        "executionRoleArn": held.get("executionRoleArn"),
        "taskRoleArn": held.get("taskRoleArn"),
        "pidMode": held.get("pidMode"),
        "enableFaultInjection": bool(held.get("enableFaultInjection")),
    }


def _written(held: dict[str, Any]) -> dict[str, Any]:
    """As AWS's provider keeps it: without what is empty but for the lists that it always writes."""
    always = ("environment", "mountPoints", "portMappings", "systemControls", "volumesFrom")
    return {key: value for key, value in held.items() if value not in (None, [], {}) or key in always}


RESOURCES = (TaskDefinition(),)
