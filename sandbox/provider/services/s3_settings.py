"""What a bucket does with all its objects: encryption, ownership, how long they stay."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, block, blocks, flag, number, text
from sandbox.provider.shapes import from_aws, to_aws

_GONE = frozenset(
    {
        "NoSuchBucket",
        "404",
        "NoSuchLifecycleConfiguration",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_ENCRYPTION = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}
_LIFECYCLE = {"id": "ID", "tags": "Tags"}


class _OfABucket(Resource):
    """A part of a bucket that AWS's provider has as a resource of its own; its id is the bucket's."""

    gone = _GONE

    def create(self, job: Job) -> str:
        self.update(job, job.news["bucket"])
        return str(job.news["bucket"])


class Encryption(_OfABucket):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    label = "S3 Bucket Server-side Encryption Configuration"
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        "rules": blocks(
            {
                "applyServerSideEncryptionByDefault": block(
                    {"sseAlgorithm": text("AES256", "aws:kms", "aws:kms:dsse", required=True), "kmsMasterKeyId": text()}
                ),
                "bucketKeyEnabled": flag(),
            },
            required=True,
        ),
    }

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = _s3(job).get_bucket_encryption(Bucket=id_)["ServerSideEncryptionConfiguration"]
        return {"bucket": id_, "rules": from_aws(answer["Rules"], _ENCRYPTION)}

    def update(self, job: Job, id_: str) -> None:
        rules = to_aws(job.news["rules"], _ENCRYPTION)
        _s3(job).put_bucket_encryption(Bucket=id_, ServerSideEncryptionConfiguration={"Rules": rules})

    def delete(self, job: Job, id_: str) -> None:
        _s3(job).delete_bucket_encryption(Bucket=id_)


class Ownership(_OfABucket):
    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    label = "S3 Bucket Ownership Controls"
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        "rule": block(
            {"objectOwnership": text("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", required=True)},
            required=True,
        ),
    }

    def read(self, job: Job, id_: str) -> Properties | None:
        rules = _s3(job).get_bucket_ownership_controls(Bucket=id_)["OwnershipControls"]["Rules"]
        return {"bucket": id_, "rule": from_aws(rules[0])}

    def update(self, job: Job, id_: str) -> None:
        _s3(job).put_bucket_ownership_controls(Bucket=id_, OwnershipControls={"Rules": [to_aws(job.news["rule"])]})

    def delete(self, job: Job, id_: str) -> None:
        _s3(job).delete_bucket_ownership_controls(Bucket=id_)


class Lifecycle(_OfABucket):
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    label = "S3 Bucket Lifecycle Configuration"
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        "rules": blocks(
            {
                "id": text(longest=255, required=True),
                "status": text("Enabled", "Disabled", required=True),
                "filter": block({"prefix": text()}, kept=True),
                "expiration": block({"days": number(0), "expiredObjectDeleteMarker": flag()}),
                "noncurrentVersionExpiration": block({"noncurrentDays": number(1, required=True)}),
                "abortIncompleteMultipartUpload": block({"daysAfterInitiation": number(1)}),
            },
            key="id",
        ),
    }

    def read(self, job: Job, id_: str) -> Properties | None:
        rules = from_aws(_s3(job).get_bucket_lifecycle_configuration(Bucket=id_)["Rules"], _LIFECYCLE)
        return {"bucket": id_, "rules": [{**rule, "filter": rule.get("filter") or {}} for rule in rules]}

    def update(self, job: Job, id_: str) -> None:
        rules = [
            {**rule, "Filter": rule.get("Filter") or {"Prefix": ""}}
            for rule in to_aws(job.news.get("rules", []), _LIFECYCLE)
        ]
        _s3(job).put_bucket_lifecycle_configuration(Bucket=id_, LifecycleConfiguration={"Rules": rules})

    def delete(self, job: Job, id_: str) -> None:
        _s3(job).delete_bucket_lifecycle(Bucket=id_)


def _s3(job: Job) -> Any:
    return job.client("s3")


RESOURCES = (Encryption(), Ownership(), Lifecycle())
