"""What an instance boots from and speaks to, from creation to deletion: objects, secrets, images, caches, endpoints."""

from __future__ import annotations

import base64
import json

import pytest

from sandbox.engine.protocol import UNKNOWN, ProviderError, Secret
from tests.sandbox.provider.lives import GONE, Story, refused
from tests.sandbox.provider.test_lives_others import BUCKET, DOCUMENT, GROUP, OTHER, RETAG, TAGS, UNTAG, fleet

OBJECT, SECRET = "aws:s3/bucketObjectv2:BucketObjectv2", "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
REPOSITORY = "aws:ecr/repository:Repository"
SUBNETS, CACHE = "aws:elasticache/subnetGroup:SubnetGroup", "aws:elasticache/replicationGroup:ReplicationGroup"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
HOOK = "aws:autoscaling/lifecycleHook:LifecycleHook"
EXPIRY = {"id": "old", "status": "Enabled", "filter": {"prefix": "releases/"}, "expiration": {"days": 30}}
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})
KEEP = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
)


def versioned(world):
    def make():
        bucket = world.make(BUCKET, forceDestroy=True)
        configuration = {"status": "Enabled"}
        world.make("aws:s3/bucketVersioning:BucketVersioning", bucket=bucket.id, versioningConfiguration=configuration)
        return bucket

    return world.share("versioned bucket", make).id


def route_table(world):
    return world.share("table", lambda: world.make("aws:ec2/routeTable:RouteTable", vpcId=world.vpc().id)).id


def cache(world):
    subnets = world.share("cache subnets", lambda: world.make(SUBNETS, subnetIds=[world.subnet().id]))
    return {
        "description": "sessions",
        "engine": "valkey",
        "engineVersion": "8.0",
        "nodeType": "cache.t4g.micro",
        "numCacheClusters": 2,
        "automaticFailoverEnabled": True,
        "port": 6379,
        "subnetGroupName": subnets.id,
        "transitEncryptionEnabled": True,
        "atRestEncryptionEnabled": True,
        "authToken": "0123456789abcdef",
        **TAGS,
    }


STORIES = [
    Story(
        OBJECT,
        lambda world: {
            "bucket": versioned(world),
            "key": "releases/blue/1/a.tar.gz",
            "contentBase64": base64.b64encode(b"\x1f\x8bone").decode(),
            "contentType": "application/gzip",
            **TAGS,
        },
        updates=(
            {"contentBase64": base64.b64encode(b"\x1f\x8btwo").decode(), "sourceHash": "2"},
            {"contentBase64": GONE, "content": "text"},
            {"contentType": "text/plain", "cacheControl": "no-store", "contentLanguage": "en"},
            {"contentDisposition": "inline", "contentEncoding": "gzip", "metadata": {"release": "9c41"}},
            {"serverSideEncryption": "aws:kms", "kmsKeyId": "alias/x"},
            {"storageClass": "STANDARD_IA", "checksumAlgorithm": "SHA256", "forceDestroy": True},
            RETAG,
            UNTAG,
        ),
        replaces=({"bucket": "other"}, {"key": "other"}),
        by_hand=frozenset({"contentBase64"}),
    ),
    Story(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda world: {
            "bucket": world.make(BUCKET).id,
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        updates=(
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "alias/x"},
                        "bucketKeyEnabled": True,
                    }
                ]
            },
        ),
        replaces=({"bucket": "other"},),
    ),
    Story(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        lambda world: {"bucket": world.make(BUCKET).id, "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        updates=({"rule": {"objectOwnership": "BucketOwnerPreferred"}},),
        replaces=({"bucket": "other"},),
    ),
    Story(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda world: {"bucket": world.make(BUCKET).id, "rules": [EXPIRY]},
        updates=(
            {"rules": [EXPIRY | {"status": "Disabled"}]},
            {
                "rules": [
                    EXPIRY | {"filter": {"prefix": "old/"}, "expiration": {"days": 60}},
                    {
                        "id": "parts",
                        "status": "Enabled",
                        "filter": {"prefix": ""},
                        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
                        "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    },
                ]
            },
        ),
        replaces=({"bucket": "other"},),
    ),
    Story(
        SECRET,
        lambda world: {"description": "d", **TAGS},
        updates=(
            {"description": "e", "kmsKeyId": "alias/x"},
            {"policy": DOCUMENT},
            {"policy": OTHER},
            {"recoveryWindowInDays": 7, "forceOverwriteReplicaSecret": True},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"},),
        by_hand=frozenset({"recoveryWindowInDays"}),
    ),
    Story(
        REPOSITORY,
        lambda world: {
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
            **TAGS,
        },
        updates=(
            {"imageScanningConfiguration": {"scanOnPush": False}},
            {
                "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters": [{"filter": "live-*", "filterType": "WILDCARD"}],
            },
            {"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": GONE},
            {"forceDelete": True},
            RETAG,
            UNTAG,
        ),
        replaces=({"name": "other"}, {"encryptionConfigurations": [{"encryptionType": "KMS"}]}),
    ),
    Story(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        lambda world: {"repository": world.make(REPOSITORY).id, "policy": KEEP},
        replaces=({"policy": KEEP.replace("10", "20")}, {"repository": "other"}),
    ),
    Story(
        SUBNETS,
        lambda world: {"description": "d", "subnetIds": [world.subnet().id], **TAGS},
        updates=({"description": "e", "subnetIds": lambda world, life: [world.subnet(1).id]}, RETAG, UNTAG),
        replaces=({"name": "other"},),
    ),
    Story(
        CACHE,
        cache,
        updates=(
            {"description": "carts", "nodeType": "cache.t4g.small"},
            {"snapshotRetentionLimit": 3},
            {"multiAzEnabled": True},
            {"multiAzEnabled": False, "automaticFailoverEnabled": False},
            {"engine": "redis", "engineVersion": "7.1"},
            {"authToken": "fedcba9876543210", "authTokenUpdateStrategy": "ROTATE"},
            {"securityGroupIds": ["sg-1"], "applyImmediately": True},
            {"numCacheClusters": 3},
            {"numCacheClusters": 1},
            {"authToken": GONE, "authTokenUpdateStrategy": GONE},
            RETAG,
            UNTAG,
        ),
        replaces=(
            {"replicationGroupId": "other"},
            {"port": 6380},
            {"subnetGroupName": "other"},
            {"atRestEncryptionEnabled": False},
        ),
        lost=({"transitEncryptionEnabled": False},),
        by_hand=frozenset({"authToken", "engine", "engineVersion", "subnetGroupName"}),
    ),
    Story(
        ENDPOINT,
        lambda world: {
            "vpcId": world.vpc().id,
            "serviceName": "com.amazonaws.us-east-1.s3",
            "routeTableIds": [route_table(world)],
            **TAGS,
        },
        updates=({"policy": DOCUMENT}, {"routeTableIds": []}, RETAG, UNTAG),
        replaces=(
            {"vpcId": "other"},
            {"serviceName": "com.amazonaws.us-east-1.dynamodb"},
            {"vpcEndpointType": "Interface", "routeTableIds": GONE},
        ),
    ),
    Story(
        ENDPOINT,
        lambda world: {
            "vpcId": world.vpc().id,
            "serviceName": "com.amazonaws.us-east-1.ecr.api",
            "vpcEndpointType": "Interface",
            "subnetIds": [world.subnet(0).id],
            "securityGroupIds": [world.security_group().id],
            "privateDnsEnabled": True,
        },
        updates=(
            {"subnetIds": lambda world, life: [world.subnet(0).id, world.subnet(1).id]},
            {"securityGroupIds": lambda world, life: [world.security_group().id]},
        ),
        lost=({"privateDnsEnabled": False},),
    ),
    Story(
        HOOK,
        lambda world: {
            "autoscalingGroupName": world.make(GROUP, **fleet(world)).id,
            "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "heartbeatTimeout": 600,
            "defaultResult": "ABANDON",
        },
        updates=(
            {"heartbeatTimeout": 300, "defaultResult": "CONTINUE"},
            {"lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"},
        ),
        replaces=({"name": "other"}, {"autoscalingGroupName": "other"}),
        import_id=lambda life: f"{life['autoscalingGroupName']}/{life['name']}",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.type_)
def test_life(story, world):
    story.tell(world)


def test_each_content_is_a_version_of_its_own_and_all_go_together(world, aws):
    bucket = versioned(world)
    inputs = {"bucket": bucket, "key": "bundle", "content": "one"}
    life = world.make(OBJECT, **inputs)
    first = life["versionId"]
    assert life.update(inputs | {"content": "two"}, preview=True)["versionId"] is UNKNOWN
    life.update(inputs | {"content": "two"})
    assert life["versionId"] not in ("", "null", first)
    kept = aws("s3").get_object(Bucket=bucket, Key="bundle", VersionId=first)["Body"].read()
    assert kept == b"one"
    same = life["versionId"]
    assert life.update(inputs | {"content": "two", "tags": {"a": "b"}}, preview=True)["versionId"] == same
    world.make(OBJECT, bucket=bucket, key="bundle-2", content="a neighbour")
    life.delete()
    left = aws("s3").list_object_versions(Bucket=bucket, Prefix="bundle")
    assert {held["Key"] for held in left["Versions"]} == {"bundle-2"}
    assert "DeleteMarkers" not in left


def test_a_secrets_value_is_hidden_and_its_current_version_stays(world, aws):
    secret = world.make(SECRET)
    inputs = {"secretId": secret.id, "secretString": '{"user": "shop"}'}
    life = world.make(VERSION, **inputs)
    assert life.outputs["secretString"] == Secret('{"user": "shop"}')
    assert not life.diff(inputs).changes
    assert life.diff(inputs | {"secretString": "other"}).replaces == ("secretString",)
    life.refresh()
    assert not life.diff(inputs).changes
    imported = life.imported(life.id)
    assert imported is not None
    assert imported.outputs["secretString"] == Secret('{"user": "shop"}')
    life.delete()
    assert aws("secretsmanager").get_secret_value(SecretId=secret.id)["SecretString"] == '{"user": "shop"}'


def test_a_version_of_a_secret_takes_another_stage(world, aws):
    secret = world.make(SECRET)
    world.make(VERSION, secretId=secret.id, secretString="old")
    inputs = {"secretId": secret.id, "secretString": "new", "versionStages": ["AWSCURRENT"]}
    life = world.make(VERSION, **inputs)
    life.update(inputs | {"versionStages": ["AWSCURRENT", "next"]})
    assert life["versionStages"] == ["AWSCURRENT", "next"]
    assert world.make(VERSION, secretId=secret.id, secretBinary="Ynl0ZXM=")["secretBinary"] == "Ynl0ZXM="
    for key, value in (("secretId", "other"), ("secretBinary", "eA==")):
        held = {"secretString": "new"} if key == "secretId" else {}
        assert key in life.diff({"secretId": secret.id, **held, key: value}).replaces


def test_a_secret_without_a_recovery_window_is_gone_at_once(world, aws):
    life = world.make(SECRET, name="/gone/at-once", recoveryWindowInDays=0)
    life.delete()
    again = world.make(SECRET, name="/gone/at-once")
    again.delete()
    with pytest.raises(ProviderError, match="creating Secrets Manager Secret"):
        world.make(SECRET, name="/gone/at-once")


def test_a_repository_with_images_goes_only_where_that_was_asked_for(world, aws):
    keeping, going = world.make(REPOSITORY), world.make(REPOSITORY, forceDelete=True)
    for repository in (keeping, going):
        aws("ecr").put_image(repositoryName=repository.id, imageManifest=MANIFEST, imageTag="1")
    with pytest.raises(ProviderError, match="RepositoryNotEmptyException"):
        keeping.delete()
    going.delete()


@pytest.mark.parametrize(
    ("type_", "inputs", "words"),
    [
        (OBJECT, {"bucket": "b", "key": "k", "content": "a", "contentBase64": "YQ=="}, "conflicts with contentBase64"),
        (SECRET, {"recoveryWindowInDays": 3}, "between 7 and 30"),
        (VERSION, {"secretId": "s"}, "one of secretString and secretBinary"),
        (CACHE, {"description": "d", "authToken": "short", "transitEncryptionEnabled": True}, "16 to 128"),
        (CACHE, {"description": "d", "authToken": "0123456789abcdef"}, "needs transitEncryptionEnabled"),
        (CACHE, {"description": "d", "multiAzEnabled": True}, "automaticFailoverEnabled must be true"),
        (CACHE, {"description": "d", "automaticFailoverEnabled": True, "numCacheClusters": 1}, "at least 2"),
        (ENDPOINT, {"vpcId": "v"}, "a service must be named"),
        (ENDPOINT, {"vpcId": "v", "serviceName": "s", "subnetIds": ["s"]}, "type Interface"),
        (
            ENDPOINT,
            {"vpcId": "v", "serviceName": "s", "vpcEndpointType": "Interface", "routeTableIds": ["r"]},
            "Gateway",
        ),
        (HOOK, {"autoscalingGroupName": "g", "lifecycleTransition": "launching"}, "to be one of"),
        (REPOSITORY, {"imageTagMutabilityExclusionFilters": [{"filter": "a", "filterType": "WILDCARD"}]}, "EXCLUSION"),
    ],
)
def test_what_is_refused_before_anything_is_made(type_, inputs, words, world):
    assert words in refused(world.life(type_), inputs)
