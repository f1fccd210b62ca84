"""Repositories of images, and how long images stay in them."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, blocks, flag, json_text, text
from sandbox.provider.tagging import TAGS

_GONE = frozenset({"RepositoryNotFoundException", "LifecyclePolicyNotFoundException"})


class Repository(Resource):
    token = "aws:ecr/repository:Repository"
    label = "ECR Repository"
    gone = _GONE
    naming = Naming(256, lower=True)
    inputs: ClassVar[Fields] = {
        "name": text(longest=256, kept=True, replaces=True),
        "imageTagMutability": text(
            "MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION", default="MUTABLE"
        ),
        "imageTagMutabilityExclusionFilters": blocks(
            {"filter": text(longest=128, required=True), "filterType": text("WILDCARD", required=True)}, most=5
        ),
        "imageScanningConfiguration": block({"scanOnPush": flag(required=True)}),
        "encryptionConfigurations": blocks(
            {"encryptionType": text("AES256", "KMS", "KMS_DSSE"), "kmsKey": text(kept=True)}, kept=True, replaces=True
        ),
        "forceDelete": flag(),
        **TAGS,
    }
    computed = ("arn", "registryId", "repositoryUrl", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        excludes = str(news["imageTagMutability"]).endswith("_WITH_EXCLUSION")
        if excludes != bool(news.get("imageTagMutabilityExclusionFilters")):
            reason = "belongs to an imageTagMutability that ends with _WITH_EXCLUSION, and only to that"
            return [("imageTagMutabilityExclusionFilters", reason)]
        return []

    def create(self, job: Job) -> str:
        news = job.news
        asked: dict[str, Any] = {"imageTagMutability": news["imageTagMutability"]}
        if news.get("imageTagMutabilityExclusionFilters"):
            asked["imageTagMutabilityExclusionFilters"] = news["imageTagMutabilityExclusionFilters"]
        if "imageScanningConfiguration" in news:
            asked["imageScanningConfiguration"] = news["imageScanningConfiguration"]
        if news.get("encryptionConfigurations"):
            asked["encryptionConfiguration"] = news["encryptionConfigurations"][0]
        if news.get("tags"):
            asked["tags"] = tagging.as_list(news["tags"])
        return str(_ecr(job).create_repository(repositoryName=news["name"], **asked)["repository"]["repositoryName"])

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _ecr(job).describe_repositories(repositoryNames=[id_])["repositories"][0]
        tags = _ecr(job).list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
        encryption = found.get("encryptionConfiguration") or {}
        return {
            "arn": found["repositoryArn"],
            "name": found["repositoryName"],
            "registryId": found["registryId"],
            "repositoryUrl": found["repositoryUri"],
            "imageTagMutability": found["imageTagMutability"],
            "imageTagMutabilityExclusionFilters": found.get("imageTagMutabilityExclusionFilters") or None,
            "imageScanningConfiguration": {"scanOnPush": found["imageScanningConfiguration"]["scanOnPush"]},
            "encryptionConfigurations": [
                {"encryptionType": encryption.get("encryptionType", "AES256"), "kmsKey": encryption.get("kmsKey", "")}
            ],
            **tagging.outputs(tagging.as_map(tags)),
        }

    def update(self, job: Job, id_: str) -> None:
        client, news = _ecr(job), job.news
        if job.changes("imageTagMutability", "imageTagMutabilityExclusionFilters"):
            filters = news.get("imageTagMutabilityExclusionFilters")
            client.put_image_tag_mutability(
                repositoryName=id_,
                imageTagMutability=news["imageTagMutability"],
                **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
            )
        if job.changes("imageScanningConfiguration"):
            wanted = news.get("imageScanningConfiguration") or {"scanOnPush": False}
            client.put_image_scanning_configuration(repositoryName=id_, imageScanningConfiguration=wanted)
        put, drop = tagging.delta(job)
        if drop:
            client.untag_resource(resourceArn=job.olds["arn"], tagKeys=drop)
        if put:
            client.tag_resource(resourceArn=job.olds["arn"], tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        _ecr(job).delete_repository(repositoryName=id_, force=bool(job.olds.get("forceDelete")))


class LifecyclePolicy(Resource):
    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    label = "ECR Lifecycle Policy"
    gone = _GONE
    inputs: ClassVar[Fields] = {
        "repository": text(required=True, replaces=True),
        # AWS's provider has it so: a policy is put in the place of another only as a new resource.
        "policy": json_text(required=True, replaces=True),
    }
    computed = ("registryId",)

    def create(self, job: Job) -> str:
        name = job.news["repository"]
        _ecr(job).put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=job.news["policy"])
        return str(name)

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _ecr(job).get_lifecycle_policy(repositoryName=id_)
        return {"repository": id_, "policy": found["lifecyclePolicyText"], "registryId": found["registryId"]}

    def delete(self, job: Job, id_: str) -> None:
        _ecr(job).delete_lifecycle_policy(repositoryName=id_)


def _ecr(job: Job) -> Any:
    return job.client("ecr")


RESOURCES = (Repository(), LifecyclePolicy())
