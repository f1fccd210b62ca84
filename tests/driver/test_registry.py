"""The images of a record in a stand-in for ECR: which one a tag means, what its scan says, the tags that hold it."""

from __future__ import annotations

import hashlib
import json

import boto3
import pytest
from moto import mock_aws

from driver.cloud.account import Credentials
from driver.cloud.aws import AwsCloud
from driver.release.keep import Tagged
from infra.images import parse_image

pytestmark = pytest.mark.slow
REGION = "eu-central-1"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def cloud(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "MOTO_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        boto3.client("ecr", region_name=REGION).create_repository(repositoryName="shop")
        yield AwsCloud("shop", "dev", Credentials(region=REGION))


def push(cloud, tag, size=1):
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"size": size}})
    return put(cloud, manifest, MANIFEST, tag)


def put(cloud, manifest, kind, tag):
    """With the digest named: moto would draw one out of a few."""
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    boto3.client("ecr", region_name=REGION).put_image(
        repositoryName="shop", imageManifest=manifest, imageManifestMediaType=kind, imageTag=tag, imageDigest=digest
    )
    return cloud.image(f"shop:{tag}")


def test_a_tag_more_is_the_same_image_and_a_second_time_nothing(cloud):
    image = push(cloud, "1.0")
    for _ in range(2):
        cloud.registry().tag(image, "live-shop-dev-1")
    digest = parse_image(image).digest
    assert parse_image(cloud.image("shop:live-shop-dev-1")).digest == digest
    assert cloud.registry().tagged(image, "live-") == {"live-shop-dev-1": Tagged(digest, False)}


def test_a_tag_less_leaves_the_image(cloud):
    image = push(cloud, "1.0")
    cloud.registry().tag(image, "live-shop-dev-1")
    cloud.registry().untag(image, "live-shop-dev-1")
    assert cloud.registry().tagged(image, "live-") == {}
    assert cloud.image("shop:1.0") == image


def test_an_images_only_tag_is_known_to_be_that(cloud):
    image = push(cloud, "live-shop-dev-1")
    assert cloud.registry().tagged(image, "live-")["live-shop-dev-1"].alone


def test_an_image_that_was_not_scanned_says_so(cloud):
    scan = cloud.registry().scan(push(cloud, "1.0"))
    assert (scan.done, scan.state) == (False, "not there")


def test_a_scan_counts_findings_by_severity(cloud):
    image = push(cloud, "1.0")
    digest = parse_image(image).digest
    boto3.client("ecr", region_name=REGION).start_image_scan(repositoryName="shop", imageId={"imageDigest": digest})
    scan = cloud.registry().scan(image)
    assert scan.done
    assert set(scan.found) <= {"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"}


def test_an_image_of_another_registry_can_not_be_looked_at(cloud):
    scan = cloud.registry().scan(f"ghcr.io/team/shop@sha256:{'0' * 64}")
    assert not scan.done
    assert "isn't in ECR" in scan.state


def test_an_image_for_several_processors_is_judged_by_each_of_them(cloud):
    ecr = boto3.client("ecr", region_name=REGION)
    one, two = push(cloud, "amd", 1), push(cloud, "arm", 2)
    parts = [
        {"mediaType": MANIFEST, "digest": parse_image(one).digest, "platform": {"architecture": "amd64"}},
        {"mediaType": MANIFEST, "digest": parse_image(two).digest, "platform": {"architecture": "arm64"}},
        {"mediaType": MANIFEST, "digest": f"sha256:{'9' * 64}", "platform": {"architecture": "unknown"}},
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": parts})
    both = put(cloud, index, INDEX, "both")
    ecr.start_image_scan(repositoryName="shop", imageId={"imageDigest": parse_image(one).digest})
    assert not cloud.registry().scan(both).done
    ecr.start_image_scan(repositoryName="shop", imageId={"imageDigest": parse_image(two).digest})
    assert cloud.registry().scan(both).done
