"""Buckets, and the parts of them that are resources of their own."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, flag, json_text, text
from sandbox.provider.tagging import TAGS

_GONE = frozenset({"NoSuchBucket", "404", "NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy"})
# The hosted zones of S3's website endpoints, as AWS's reference lists them.
_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-northeast-2": "Z3W03O7B5YMIYP",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
}
_BLOCKS = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}


class Bucket(Resource):
    """Without the inline versions of what are resources of their own: versioning, policy, encryption …"""

    token = "aws:s3/bucket:Bucket"
    label = "S3 Bucket"
    gone = _GONE
    naming = Naming(63, input="bucket", prefix_input="bucketPrefix", lower=True)
    inputs: ClassVar[Fields] = {
        "bucket": text(longest=63, kept=True, replaces=True),
        "bucketPrefix": text(longest=37, replaces=True),
        "forceDestroy": flag(False),
        "objectLockEnabled": flag(kept=True, replaces=True),
        **TAGS,
    }
    computed = (
        "arn",
        "bucketDomainName",
        "bucketRegion",
        "bucketRegionalDomainName",
        "hostedZoneId",
        "tagsAll",
    )

    def create(self, job: Job) -> str:
        name = str(job.news.get("bucket") or prefixed_name(job.news["bucketPrefix"]))
        asked: dict[str, Any] = {"Bucket": name}
        if job.region != "us-east-1":
            # AWS wants the region named everywhere but in its first.
            asked["CreateBucketConfiguration"] = {"LocationConstraint": job.region}
        if job.news.get("objectLockEnabled"):
            asked["ObjectLockEnabledForBucket"] = True
        _s3(job).create_bucket(**asked)
        return name

    def settle(self, job: Job, id_: str) -> None:
        self._tag(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        client = _s3(job)
        client.head_bucket(Bucket=id_)
        try:
            tags = tagging.as_map(client.get_bucket_tagging(Bucket=id_)["TagSet"])
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchTagSet":
                raise
            tags = {}
        return {
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": id_,
            "bucketDomainName": f"{id_}.s3.amazonaws.com",
            "bucketRegion": job.region,
            "bucketRegionalDomainName": f"{id_}.s3.{job.region}.amazonaws.com",
            "hostedZoneId": _HOSTED_ZONES.get(job.region),
            "objectLockEnabled": bool(job.given("objectLockEnabled")),
            **tagging.outputs(tags),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("tags"):
            self._tag(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        if job.olds.get("forceDestroy"):
            for page in _s3(job).get_paginator("list_object_versions").paginate(Bucket=id_):
                held = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if held:
                    keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in held]
                    _s3(job).delete_objects(Bucket=id_, Delete={"Objects": keys})
        _s3(job).delete_bucket(Bucket=id_)

    @staticmethod
    def _tag(job: Job, id_: str) -> None:
        if job.news.get("tags"):
            _s3(job).put_bucket_tagging(Bucket=id_, Tagging={"TagSet": tagging.as_list(job.news["tags"])})
        elif job.olds.get("tags"):
            _s3(job).delete_bucket_tagging(Bucket=id_)


class PublicAccessBlock(Resource):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    label = "S3 Bucket Public Access Block"
    gone = _GONE
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        **{key: flag(False) for key in _BLOCKS},
        "skipDestroy": flag(),
    }

    def create(self, job: Job) -> str:
        self._put(job)
        return str(job.news["bucket"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = _s3(job).get_public_access_block(Bucket=id_)["PublicAccessBlockConfiguration"]
        return {"bucket": id_, **{key: answer.get(name, False) for key, name in _BLOCKS.items()}}

    def update(self, job: Job, id_: str) -> None:
        self._put(job)

    def delete(self, job: Job, id_: str) -> None:
        if not job.olds.get("skipDestroy"):
            _s3(job).delete_public_access_block(Bucket=id_)

    @staticmethod
    def _put(job: Job) -> None:
        wanted = {name: job.news[key] for key, name in _BLOCKS.items()}
        _s3(job).put_public_access_block(Bucket=job.news["bucket"], PublicAccessBlockConfiguration=wanted)


class Versioning(Resource):
    token = "aws:s3/bucketVersioning:BucketVersioning"
    label = "S3 Bucket Versioning"
    gone = _GONE
    inputs: ClassVar[Fields] = {
        "bucket": text(required=True, replaces=True),
        "expectedBucketOwner": text(replaces=True),
        "versioningConfiguration": block(
            {
                "status": text("Enabled", "Suspended", "Disabled", required=True),
                "mfaDelete": text("Enabled", "Disabled", kept=True),
            },
            required=True,
        ),
    }

    def create(self, job: Job) -> str:
        self._put(job, job.news["versioningConfiguration"])
        return str(job.news["bucket"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = _s3(job).get_bucket_versioning(Bucket=id_)
        configuration = {"status": answer.get("Status") or "Disabled", "mfaDelete": answer.get("MFADelete")}
        return {"bucket": id_, "versioningConfiguration": configuration}

    def update(self, job: Job, id_: str) -> None:
        self._put(job, job.news["versioningConfiguration"])

    def delete(self, job: Job, id_: str) -> None:
        # A bucket's versioning can't be taken away again, only paused.
        if job.olds["versioningConfiguration"]["status"] == "Enabled":
            self._put(job, {"status": "Suspended"})

    @staticmethod
    def _put(job: Job, configuration: Properties) -> None:
        if configuration["status"] == "Disabled":
            return
        wanted = {"Status": configuration["status"]}
        if "mfaDelete" in configuration:
            wanted["MFADelete"] = configuration["mfaDelete"]
        _s3(job).put_bucket_versioning(Bucket=job.given("bucket"), VersioningConfiguration=wanted)


class BucketPolicy(Resource):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    label = "S3 Bucket Policy"
    gone = _GONE
    inputs: ClassVar[Fields] = {"bucket": text(required=True, replaces=True), "policy": json_text(required=True)}

    def create(self, job: Job) -> str:
        self.update(job, job.news["bucket"])
        return str(job.news["bucket"])

    def read(self, job: Job, id_: str) -> Properties | None:
        return {"bucket": id_, "policy": _s3(job).get_bucket_policy(Bucket=id_)["Policy"]}

    def update(self, job: Job, id_: str) -> None:
        _s3(job).put_bucket_policy(Bucket=id_, Policy=job.news["policy"])

    def delete(self, job: Job, id_: str) -> None:
        _s3(job).delete_bucket_policy(Bucket=id_)


def _s3(job: Job) -> Any:
    return job.client("s3")


RESOURCES = (Bucket(), PublicAccessBlock(), Versioning(), BucketPolicy())
