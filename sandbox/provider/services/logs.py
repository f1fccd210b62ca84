"""CloudWatch Logs' groups."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, flag, number, text
from sandbox.provider.tagging import TAGS


class LogGroup(Resource):
    token = "aws:cloudwatch/logGroup:LogGroup"
    label = "CloudWatch Logs Log Group"
    gone = frozenset({"ResourceNotFoundException"})
    naming = Naming(512)
    inputs: ClassVar[Fields] = {
        "name": text(longest=512, kept=True, replaces=True),
        "namePrefix": text(longest=486, replaces=True),
        "retentionInDays": number(0, 3653, default=0),
        "kmsKeyId": text(),
        "logGroupClass": text("STANDARD", "INFREQUENT_ACCESS", "DELIVERY", kept=True, replaces=True),
        "skipDestroy": flag(False),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def create(self, job: Job) -> str:
        news = job.news
        name = str(news.get("name") or prefixed_name(news["namePrefix"]))
        asked = {"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass", "tags": "tags"}
        _logs(job).create_log_group(logGroupName=name, **{key: news[key] for key in asked if news.get(key)})
        return name

    def settle(self, job: Job, id_: str) -> None:
        if job.news["retentionInDays"]:
            _logs(job).put_retention_policy(logGroupName=id_, retentionInDays=job.news["retentionInDays"])

    def read(self, job: Job, id_: str) -> Properties | None:
        for page in _logs(job).get_paginator("describe_log_groups").paginate(logGroupNamePrefix=id_):
            for group in page["logGroups"]:
                if group["logGroupName"] == id_:
                    arn = group["arn"].removesuffix(":*")
                    tags = _logs(job).list_tags_for_resource(resourceArn=arn)["tags"]
                    return {
                        "arn": arn,
                        "name": id_,
                        "retentionInDays": group.get("retentionInDays", 0),
                        "kmsKeyId": group.get("kmsKeyId"),
                        "logGroupClass": group.get("logGroupClass", "STANDARD"),
                        **tagging.outputs(tags),
                    }
        return None

    def update(self, job: Job, id_: str) -> None:
        client, news = _logs(job), job.news
        if job.changes("retentionInDays"):
            if news["retentionInDays"]:
                client.put_retention_policy(logGroupName=id_, retentionInDays=news["retentionInDays"])
            else:
                client.delete_retention_policy(logGroupName=id_)
        if job.changes("kmsKeyId"):
            if news.get("kmsKeyId"):
                client.associate_kms_key(logGroupName=id_, kmsKeyId=news["kmsKeyId"])
            else:
                client.disassociate_kms_key(logGroupName=id_)
        put, drop = tagging.delta(job)
        if drop:
            client.untag_resource(resourceArn=job.olds["arn"], tagKeys=drop)
        if put:
            client.tag_resource(resourceArn=job.olds["arn"], tags=put)

    def delete(self, job: Job, id_: str) -> None:
        if not job.olds.get("skipDestroy"):
            _logs(job).delete_log_group(logGroupName=id_)


def _logs(job: Job) -> Any:
    return job.client("logs")


RESOURCES = (LogGroup(),)
