"""No input without a test that changes it: an input that is taken and then forgotten would go unseen."""

from __future__ import annotations

import pytest

from sandbox.provider import catalog
from tests.sandbox.provider import (
    test_lives_boot,
    test_lives_ec2,
    test_lives_ecs,
    test_lives_elb,
    test_lives_others,
)

STORIES = [
    *test_lives_boot.STORIES,
    *test_lives_ec2.STORIES,
    *test_lives_ecs.STORIES,
    *test_lives_elb.STORIES,
    *test_lives_others.STORIES,
]
# What a story can't change, and why.
ELSEWHERE = {
    "aws:lb/loadBalancer:LoadBalancer": {"loadBalancerType"},  # one kind only
    "aws:autoscaling/group:Group": {"availabilityZones", "metricsGranularity"},  # another placement, one granularity
    "aws:s3/bucketVersioning:BucketVersioning": {"bucket", "expectedBucketOwner", "versioningConfiguration"},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"skipDestroy"},  # nothing changes but the deletion
    "aws:ecs/service:Service": {"deploymentConfiguration"},  # one strategy only
    "aws:cloudwatch/logGroup:LogGroup": {"kmsKeyId"},  # moto has no such call
    "aws:secretsmanager/secretVersion:SecretVersion": {"secretId", "secretString", "secretBinary", "versionStages"},
    "aws:ssm/parameter:Parameter": {"type"},  # each story has another
}


@pytest.mark.parametrize("token", sorted(catalog.resources()))
def test_every_input_is_changed_somewhere(token):
    changed = {
        key
        for story in STORIES
        if story.type_ == token
        for change in (*story.updates, *story.replaces, *story.lost)
        for key in change
    }
    inputs = catalog.resources()[token].inputs
    prefixes = {"namePrefix", "bucketPrefix"}
    assert inputs.keys() - changed - prefixes == ELSEWHERE.get(token, set())


def test_every_resource_has_a_story():
    apart = {"aws:s3/bucketVersioning:BucketVersioning", "aws:secretsmanager/secretVersion:SecretVersion"}
    assert {story.type_ for story in STORIES} | apart == set(catalog.resources())
