"""Secrets Manager: secrets, and values put into them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.engine.protocol import Secret as Hidden
from sandbox.provider import tagging
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, flag, json_text, number, text, texts
from sandbox.provider.tagging import TAGS

_GONE = frozenset({"ResourceNotFoundException"})


class Secret(Resource):
    token = "aws:secretsmanager/secret:Secret"
    label = "Secrets Manager Secret"
    gone = _GONE
    naming = Naming(512)
    inputs: ClassVar[Fields] = {
        "name": text(longest=512, kept=True, replaces=True),
        "namePrefix": text(longest=486, replaces=True),
        "description": text(longest=2048),
        "kmsKeyId": text(),
        "policy": json_text(kept=True),
        "recoveryWindowInDays": number(0, 30, default=30),
        "forceOverwriteReplicaSecret": flag(False),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        days = news.get("recoveryWindowInDays")
        if isinstance(days, int) and 0 < days < 7:
            return [("recoveryWindowInDays", "must be 0 (at once) or between 7 and 30")]
        return []

    def create(self, job: Job) -> str:
        news = job.news
        asked = {"description": "Description", "kmsKeyId": "KmsKeyId"}
        made = _manager(job).create_secret(
            Name=news.get("name") or prefixed_name(news["namePrefix"]),
            **{name: news[key] for key, name in asked.items() if news.get(key)},
            **({"Tags": tagging.as_list(news["tags"])} if news.get("tags") else {}),
        )
        return str(made["ARN"])

    def settle(self, job: Job, id_: str) -> None:
        self._put_policy(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _manager(job).describe_secret(SecretId=id_)
        if found.get("DeletedDate"):
            return None
        policy = _manager(job).get_resource_policy(SecretId=id_).get("ResourcePolicy")
        return {
            "arn": found["ARN"],
            "name": found["Name"],
            "description": found.get("Description") or None,
            "kmsKeyId": found.get("KmsKeyId") or None,
            "policy": _same(policy, job.given("policy")),
            **tagging.outputs(tagging.as_map(found.get("Tags"))),
        }

    def update(self, job: Job, id_: str) -> None:
        client, news = _manager(job), job.news
        if job.changes("description", "kmsKeyId"):
            key = {"KmsKeyId": news["kmsKeyId"]} if news.get("kmsKeyId") else {}
            client.update_secret(SecretId=id_, Description=news.get("description", ""), **key)
        if job.changes("policy"):
            self._put_policy(job, id_)
        put, drop = tagging.delta(job)
        if drop:
            client.untag_resource(SecretId=id_, TagKeys=drop)
        if put:
            client.tag_resource(SecretId=id_, Tags=tagging.as_list(put))

    def says_gone(self, error: Exception) -> bool:
        return super().says_gone(error) or "marked deleted" in str(error) or "marked for deletion" in str(error)

    def delete(self, job: Job, id_: str) -> None:
        days = job.olds.get("recoveryWindowInDays", 30)
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        _manager(job).delete_secret(SecretId=id_, **how)

    @staticmethod
    def _put_policy(job: Job, id_: str) -> None:
        if job.news.get("policy"):
            _manager(job).put_resource_policy(SecretId=id_, ResourcePolicy=job.news["policy"])
        elif job.olds.get("policy"):
            _manager(job).delete_resource_policy(SecretId=id_)


class SecretVersion(Resource):
    """A value of a secret. The current one stays when this is deleted, as AWS lets none take it away."""

    token = "aws:secretsmanager/secretVersion:SecretVersion"
    label = "Secrets Manager Secret Version"
    gone = _GONE
    inputs: ClassVar[Fields] = {
        "secretId": text(required=True, replaces=True),
        "secretString": text(longest=65536, replaces=True, hidden=True),
        "secretBinary": text(longest=65536, replaces=True, hidden=True),
        "versionStages": texts(kept=True),
    }
    computed = ("arn", "hasSecretStringWo", "secretArn", "versionId")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if ("secretString" in news) == ("secretBinary" in news):
            return [("secretString", "one of secretString and secretBinary must be specified, and not both")]
        return []

    def create(self, job: Job) -> str:
        news = job.news
        value = (
            {"SecretString": news["secretString"]} if "secretString" in news else {"SecretBinary": news["secretBinary"]}
        )
        stages = {"VersionStages": news["versionStages"]} if news.get("versionStages") else {}
        made = _manager(job).put_secret_value(SecretId=news["secretId"], **value, **stages)
        return f"{made['ARN']}|{made['VersionId']}"

    def read(self, job: Job, id_: str) -> Properties | None:
        secret, _, version = id_.rpartition("|")
        found = _manager(job).get_secret_value(SecretId=secret, VersionId=version)
        binary = found.get("SecretBinary")
        return {
            "arn": found["ARN"],
            "hasSecretStringWo": False,
            "secretArn": found["ARN"],
            "secretId": job.given("secretId") or secret,
            "secretString": found.get("SecretString") or None,
            "secretBinary": binary.decode() if isinstance(binary, bytes) else binary,
            "versionId": found["VersionId"],
            "versionStages": sorted(found.get("VersionStages", [])),
        }

    def update(self, job: Job, id_: str) -> None:
        secret, _, version = id_.rpartition("|")
        new, old = set(job.news.get("versionStages", [])), set(job.olds.get("versionStages", []))
        for stage in sorted(new - old):
            _manager(job).update_secret_version_stage(SecretId=secret, VersionStage=stage, MoveToVersionId=version)
        for stage in sorted(old - new - {"AWSCURRENT"}):
            _manager(job).update_secret_version_stage(SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)

    def delete(self, job: Job, id_: str) -> None:
        secret, _, version = id_.rpartition("|")
        for stage in sorted(set(job.olds.get("versionStages", [])) - {"AWSCURRENT"}):
            _manager(job).update_secret_version_stage(SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)


def get_secret(job: Job) -> Properties:
    """By ARN or by name."""
    wanted = job.news.get("arn") or job.news.get("name")
    if not wanted:
        raise ProviderError("one of arn, name must be specified")
    found = _manager(job).describe_secret(SecretId=wanted)
    if found.get("DeletedDate"):
        raise ProviderError(f"Secrets Manager Secret {wanted} is scheduled for deletion")
    policy = _manager(job).get_resource_policy(SecretId=wanted).get("ResourcePolicy")
    return {
        "arn": found["ARN"],
        "createdDate": found["CreatedDate"].isoformat(),
        "description": found.get("Description", ""),
        "id": found["ARN"],
        "kmsKeyId": found.get("KmsKeyId", ""),
        "lastChangedDate": found["LastChangedDate"].isoformat(),
        "name": found["Name"],
        "policy": policy or "",
        "region": job.region,
        "tags": tagging.as_map(found.get("Tags")),
    }


def get_secret_version(job: Job) -> Properties:
    """The current value, or that of a version or a stage."""
    asked = {"versionId": "VersionId", "versionStage": "VersionStage"}
    found = _manager(job).get_secret_value(
        SecretId=job.news["secretId"], **{name: job.news[key] for key, name in asked.items() if key in job.news}
    )
    binary = found.get("SecretBinary", b"")
    return {
        "arn": found["ARN"],
        "createdDate": found["CreatedDate"].isoformat(),
        "id": f"{found['ARN']}|{found['VersionId']}",
        "region": job.region,
        "secretArn": found["ARN"],
        "secretBinary": Hidden(binary.decode() if isinstance(binary, bytes) else binary),
        "secretId": job.news["secretId"],
        "secretString": Hidden(found.get("SecretString", "")),
        "versionId": found["VersionId"],
        "versionStage": job.news.get("versionStage", "AWSCURRENT"),
        "versionStages": sorted(found.get("VersionStages", [])),
    }


def _same(found: str | None, known: Any) -> str | None:
    """AWS's spelling of a document, or the program's where both say the same."""
    try:
        return known if known and found and json.loads(found) == json.loads(known) else found
    except (TypeError, ValueError):
        return found


def _manager(job: Job) -> Any:
    return job.client("secretsmanager")


RESOURCES = (Secret(), SecretVersion())
LOOKUPS = {
    "aws:secretsmanager/getSecret:getSecret": get_secret,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": get_secret_version,
}
