"""Parameters, and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sandbox.engine.protocol import Change, Properties, Secret
from sandbox.provider import tagging
from sandbox.provider.comparing import Changes
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, flag, text
from sandbox.provider.tagging import TAGS

_CHANGES_VERSION = frozenset({"type", "value", "insecureValue", "allowedPattern", "description", "keyId", "tier"})


class Parameter(Resource):
    token = "aws:ssm/parameter:Parameter"
    label = "SSM Parameter"
    gone = frozenset({"ParameterNotFound"})
    naming = Naming(2048)
    inputs: ClassVar[Fields] = {
        "name": text(longest=2048, kept=True, replaces=True),
        "type": text("String", "StringList", "SecureString", required=True),
        "value": text(kept=True, hidden=True),
        "insecureValue": text(kept=True),
        "allowedPattern": text(longest=1024),
        "dataType": text("text", "aws:ec2:image", "aws:ssm:integration", kept=True, replaces=True),
        "description": text(longest=1024),
        "keyId": text(kept=True),
        "overwrite": flag(),
        "tier": text("Standard", "Advanced", "Intelligent-Tiering", kept=True),
        **TAGS,
    }
    computed = ("arn", "hasValueWo", "version", "tagsAll")
    moving: ClassVar[Mapping[str, frozenset[str]]] = {"version": _CHANGES_VERSION}

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if ("value" in news) == ("insecureValue" in news):
            return [("insecureValue", "exactly one of insecureValue, value must be specified")]
        if news["type"] == "SecureString" and "insecureValue" in news:
            return [("insecureValue", "invalid configuration, cannot set type = SecureString and insecureValue")]
        return []

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        tier = ("tier",)
        if tier not in changes:
            return changes
        if news.get("tier") == "Intelligent-Tiering":
            return {path: change for path, change in changes.items() if path != tier}
        if (olds.get("tier"), news.get("tier")) == ("Advanced", "Standard"):
            # AWS takes no parameter back from the advanced tier.
            return {**changes, tier: Change.UPDATE_REPLACE}
        return changes

    def create(self, job: Job) -> str:
        overwrite = bool(job.news.get("overwrite", False))
        # AWS takes tags only where it makes a new parameter for sure.
        tags = {"Tags": tagging.as_list(job.news["tags"])} if job.news.get("tags") and not overwrite else {}
        _ssm(job).put_parameter(Name=job.news["name"], Overwrite=overwrite, **_parameter(job.news), **tags)
        return str(job.news["name"])

    def settle(self, job: Job, id_: str) -> None:
        if job.news.get("tags") and job.news.get("overwrite"):
            _ssm(job).add_tags_to_resource(
                ResourceType="Parameter", ResourceId=id_, Tags=tagging.as_list(job.news["tags"])
            )

    def read(self, job: Job, id_: str) -> Properties | None:
        client = _ssm(job)
        parameter = client.get_parameter(Name=id_, WithDecryption=True)["Parameter"]
        by_name = [{"Key": "Name", "Option": "Equals", "Values": [id_]}]
        details = client.describe_parameters(ParameterFilters=by_name)["Parameters"]
        if not details:
            return None
        tags = client.list_tags_for_resource(ResourceType="Parameter", ResourceId=id_)["TagList"]
        plain = bool(job.given("insecureValue")) and parameter["Type"] != "SecureString"
        return {
            "arn": parameter["ARN"],
            "name": parameter["Name"],
            "type": parameter["Type"],
            "version": parameter["Version"],
            "insecureValue" if plain else "value": parameter["Value"],
            "allowedPattern": details[0].get("AllowedPattern") or None,
            "dataType": parameter.get("DataType", "text"),
            "description": details[0].get("Description") or None,
            "keyId": details[0].get("KeyId") or None,
            "tier": details[0].get("Tier", "Standard"),
            "hasValueWo": False,
            **tagging.outputs(tagging.as_map(tags)),
        }

    def update(self, job: Job, id_: str) -> None:
        client = _ssm(job)
        if job.changed - {"tags", "overwrite"}:
            # Left out means yes from the second write on: it is this program's parameter now.
            asked = _parameter(job.news)
            if job.changes("description"):
                asked["Description"] = job.news.get("description", "")
            if "tier" not in asked and job.olds.get("tier"):
                asked["Tier"] = job.olds["tier"]
            client.put_parameter(Name=id_, Overwrite=job.news.get("overwrite", True), **asked)
        put, drop = tagging.delta(job)
        if drop:
            client.remove_tags_from_resource(ResourceType="Parameter", ResourceId=id_, TagKeys=drop)
        if put:
            client.add_tags_to_resource(ResourceType="Parameter", ResourceId=id_, Tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        _ssm(job).delete_parameter(Name=id_)


def _ssm(job: Job) -> Any:
    return job.client("ssm")


def _parameter(news: Properties) -> dict[str, Any]:
    names = {
        "type": "Type",
        "allowedPattern": "AllowedPattern",
        "dataType": "DataType",
        "description": "Description",
        "tier": "Tier",
    }
    asked: dict[str, Any] = {name: news[key] for key, name in names.items() if news.get(key)}
    if news.get("keyId") and news["type"] == "SecureString":
        asked["KeyId"] = news["keyId"]
    asked["Value"] = news["insecureValue"] if news.get("insecureValue") else news.get("value", "")
    return asked


def get_parameter(job: Job) -> Properties:
    decrypted = job.news.get("withDecryption", True)
    parameter = _ssm(job).get_parameter(Name=job.news["name"], WithDecryption=decrypted)["Parameter"]
    plain = {} if parameter["Type"] == "SecureString" else {"insecureValue": parameter["Value"]}
    return {
        "arn": parameter["ARN"],
        "id": parameter["Name"],
        "name": parameter["Name"],
        "type": parameter["Type"],
        "value": Secret(parameter["Value"]),
        "version": parameter["Version"],
        "withDecryption": decrypted,
        "region": job.region,
        "insecureValue": "",
        **plain,
    }


def get_parameters_by_path(job: Job) -> Properties:
    """Empty lists where there are none."""
    path = job.news["path"]
    recursive, decrypted = job.news.get("recursive", False), job.news.get("withDecryption", True)
    pages = _ssm(job).get_paginator("get_parameters_by_path")
    found = [
        parameter
        for page in pages.paginate(Path=path, Recursive=recursive, WithDecryption=decrypted)
        for parameter in page["Parameters"]
    ]
    return {
        "arns": [held["ARN"] for held in found],
        "id": path,
        "names": [held["Name"] for held in found],
        "path": path,
        "recursive": recursive,
        "region": job.region,
        "types": [held["Type"] for held in found],
        "values": Secret([held["Value"] for held in found]),
        "withDecryption": decrypted,
    }


RESOURCES = (Parameter(),)
LOOKUPS = {
    "aws:ssm/getParameter:getParameter": get_parameter,
    "aws:ssm/getParametersByPath:getParametersByPath": get_parameters_by_path,
}
