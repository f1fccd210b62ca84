"""Objects in buckets, with the version that each writing of them makes."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, flag, labels, text
from sandbox.provider.tagging import TAGS

# What goes into the call that writes the object: a change of any of them writes it anew.
_WRITTEN = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
}
_CONTENT = frozenset({"content", "contentBase64", "sourceHash"})
_CHECKSUMS = {"CRC32": "checksumCrc32", "SHA1": "checksumSha1", "SHA256": "checksumSha256"}


class Object(Resource):
    """Its content as text or base64; pulumi-aws's `source`, a file, is not here."""

    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    label = "S3 Object"
    gone = frozenset({"NoSuchKey", "NoSuchBucket", "404"})
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        "key": text(longest=1024, required=True, replaces=True),
        "content": text(),
        "contentBase64": text(),
        "sourceHash": text(),
        "cacheControl": text(),
        "contentDisposition": text(),
        "contentEncoding": text(),
        "contentLanguage": text(),
        "contentType": text(kept=True),
        "kmsKeyId": text(kept=True),
        "metadata": labels(),
        "serverSideEncryption": text("AES256", "aws:kms", "aws:kms:dsse", kept=True),
        "storageClass": text(
            "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", kept=True
        ),
        "checksumAlgorithm": text("CRC32", "SHA1", "SHA256"),
        "forceDestroy": flag(False),
        **TAGS,
    }
    computed = ("arn", "etag", "versionId", *_CHECKSUMS.values(), "checksumCrc32c", "checksumCrc64nvme", "tagsAll")
    moving: ClassVar = dict.fromkeys(
        ("etag", "versionId", *_CHECKSUMS.values()), _CONTENT | _WRITTEN.keys() | {"checksumAlgorithm"}
    )

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if "content" in news and "contentBase64" in news:
            return [("content", "content conflicts with contentBase64")]
        return []

    def create(self, job: Job) -> str:
        self._put(job)
        return f"{job.news['bucket']}/{job.news['key']}"

    def read(self, job: Job, id_: str) -> Properties | None:
        bucket, _, key = id_.partition("/")
        head = _s3(job).head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        tags = _s3(job).get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        return {
            **{name: head.get(there) for name, there in _WRITTEN.items()},
            "metadata": head.get("Metadata") or None,
            "storageClass": head.get("StorageClass", "STANDARD"),
            "serverSideEncryption": head.get("ServerSideEncryption", "AES256"),
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": bucket,
            "key": key,
            "etag": head["ETag"].strip('"'),
            "versionId": head.get("VersionId") or "",
            **{name: head.get(f"Checksum{kind}") or "" for kind, name in _CHECKSUMS.items()},
            "checksumCrc32c": "",
            "checksumCrc64nvme": "",
            **tagging.outputs(tagging.as_map(tags)),
        }

    def update(self, job: Job, id_: str) -> None:
        bucket, _, key = id_.partition("/")
        if job.changes(*_CONTENT, *_WRITTEN, "checksumAlgorithm"):
            self._put(job)
        elif job.changes("tags"):
            if job.news.get("tags"):
                tags = {"TagSet": tagging.as_list(job.news["tags"])}
                _s3(job).put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)
            else:
                _s3(job).delete_object_tagging(Bucket=bucket, Key=key)

    def delete(self, job: Job, id_: str) -> None:
        """All its versions, as AWS's provider does: what is left could bring a deleted secret back."""
        bucket, _, key = id_.partition("/")
        client = _s3(job)
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
            for held in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if held["Key"] == key:
                    client.delete_object(Bucket=bucket, Key=key, VersionId=held["VersionId"])

    @staticmethod
    def _put(job: Job) -> None:
        news = job.news
        body = (
            base64.b64decode(news["contentBase64"])
            if news.get("contentBase64")
            else str(news.get("content", "")).encode()
        )
        asked: dict[str, Any] = {name: news[key] for key, name in _WRITTEN.items() if news.get(key)}
        if news.get("checksumAlgorithm"):
            asked["ChecksumAlgorithm"] = news["checksumAlgorithm"]
        if news.get("tags"):
            from urllib.parse import urlencode

            asked["Tagging"] = urlencode(news["tags"])
        _s3(job).put_object(Bucket=news["bucket"], Key=news["key"], Body=body, **asked)


def _s3(job: Job) -> Any:
    return job.client("s3")


RESOURCES = (Object(),)
