"""The bucket of the bundles: what a release's instances fetch at boot, by version.

Nothing here ever expires. A version that somebody deleted or wrote over is still the one that a launch template names,
and the scaling group may launch from it in a year; a rule for noncurrent versions would end it. They don't pile up: a
bundle is a resource of its color's fill, and goes with it, all versions of it.
"""

from __future__ import annotations

import re

import pulumi
import pulumi_aws as aws

from infra.access import bucket_policy
from infra.settings import Settings

# Of the 63 signs of a bucket's name, which is one for the whole world, the provider adds 26.
_LONGEST = 37


def _prefix(settings: Settings) -> str:
    """Whose bucket it is, as far as its name can tell: in lower case, without dots."""
    whose = re.sub(r"[^a-z0-9]+", "-", f"bluegreen-{settings.project}-{settings.stack}".lower())
    return whose[: _LONGEST - 1].strip("-") + "-"


class ConfigStore(pulumi.ComponentResource):
    """A private, versioned, encrypted bucket that is reached by TLS only."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:ConfigStore", name)
        owned = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            name,
            bucket_prefix=_prefix(settings),
            # What is left in it when the stack goes is what people put there; a protected stack asks about it.
            force_destroy=not settings.protect,
            tags=settings.own_tags,
            opts=owned,
        )
        self.bucket, self.arn = bucket.bucket, bucket.arn
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=owned,
        )
        owner = aws.s3.BucketOwnershipControls(
            f"{name}-owner",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=owned,
        )
        versions = aws.s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=owned,
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    )
                )
            ],
            opts=owned,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=bucket.arn.apply(bucket_policy),
            # S3 refuses two changes of a bucket's access at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="unfinished",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=7
                        )
                    ),
                )
            ],
            # Its rules are about versions, so AWS wants them decided first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versions]),
        )
        self.ready: list[pulumi.Resource] = [closed, owner, versions, encryption, policy]
        """What has to be there before the first object: one from before versioning has no version to name."""
        self.register_outputs({"bucket": bucket.bucket})
