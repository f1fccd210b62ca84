"""Policies: what they allow, what they deny, which conditions count, and what nobody understands."""

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import images, permissions
from sandbox.cloud.permissions import Call, judge

READ = Call("s3:GetObjectVersion", "arn:aws:s3:::bundles/releases/a.tar.gz", {"s3:VersionId": "v1"})


def statement(effect="Allow", action="s3:GetObjectVersion", resource="arn:aws:s3:::bundles/*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action="S3:getobject*")], True),
        ([statement(action=["s3:PutObject", "s3:Get*"])], True),
        ([statement(action="s3:GetObject")], False),
        ([statement(resource="arn:aws:s3:::bundles/other/*")], False),
        ([statement(resource="arn:aws:s3:::bundles/releases/?.tar.gz")], True),
        ([statement(resource="arn:aws:s3:::BUNDLES/*")], False),
        ([statement(), statement("Deny", "s3:*", "*")], False),
        ([statement(), statement("Deny", "s3:Put*", "*")], True),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bundles/*"}], False),
        ([statement(Condition={"StringEquals": {"s3:VersionId": "v1"}})], True),
        ([statement(Condition={"StringEquals": {"S3:versionid": ["v0", "v1"]}})], True),
        ([statement(Condition={"StringEquals": {"s3:VersionId": "v2"}})], False),
        ([statement(Condition={"StringNotEquals": {"s3:VersionId": ["v1", "v2"]}})], False),
        ([statement(Condition={"StringNotEquals": {"aws:PrincipalTag/team": "x"}})], True),
        ([statement(Condition={"StringEquals": {"aws:PrincipalTag/team": "x"}})], False),
        ([statement(Condition={"StringEqualsIfExists": {"aws:PrincipalTag/team": "x"}})], True),
        ([statement(Condition={"StringLike": {"s3:VersionId": "v*"}, "Null": {"s3:VersionId": "false"}})], True),
        ([statement(Condition={"Null": {"s3:VersionId": "true"}})], False),
        ([statement(Condition={"ForAnyValue:StringEquals": {"s3:VersionId": ["v0", "v1"]}})], True),
        ([statement(Condition={"ForAllValues:StringEquals": {"s3:VersionId": ["v1"]}})], False),
        ([statement(), statement("Deny", Condition={"StringEquals": {"s3:VersionId": "v1"}})], False),
        ([statement(), statement("Deny", Condition={"StringEquals": {"s3:VersionId": "v9"}})], True),
        ([statement(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})], False),
        ([statement(), statement("Deny", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], False),
    ],
)
def test_a_verdict(policies, allowed):
    assert judge(policies, READ).allowed is allowed


def test_what_is_not_understood_is_said():
    verdict = judge([statement(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})], READ)
    assert verdict.why == (
        "because no identity-based policy allows the s3:GetObjectVersion action "
        "(the condition operator DateLessThan is not known here)"
    )


def test_a_document_has_one_statement_or_many_or_none():
    one = statement()
    assert permissions.statements(json.dumps({"Statement": one})) == [one]
    assert permissions.statements({"Statement": [one, one]}) == [one, one]
    assert permissions.statements("no JSON") == permissions.statements("") == []


TRANSPORT = [
    statement("Deny", "s3:*", "*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    statement("Deny", "s3:*", "*", Principal="*", Condition={"BoolIfExists": {"aws:SecureTransport": "false"}}),
    statement("Deny", "s3:*", "*", Principal={"AWS": "*"}, Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
]


@pytest.mark.slow
def test_a_bucket_that_insists_on_encryption_is_open_over_loopback(aws):
    s3 = aws("s3")
    where = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket="insists", CreateBucketConfiguration=where)
    s3.put_bucket_policy(Bucket="insists", Policy=json.dumps({"Statement": TRANSPORT}))
    s3.put_object(Bucket="insists", Key="k", Body=b"v")
    assert s3.get_object(Bucket="insists", Key="k")["Body"].read() == b"v"
    never = [statement("Deny", "s3:GetObject", "*", Principal="*")]
    s3.put_bucket_policy(Bucket="insists", Policy=json.dumps({"Statement": never}))
    with pytest.raises(ClientError, match="Forbidden"):
        s3.get_object(Bucket="insists", Key="k")
    s3.delete_bucket_policy(Bucket="insists")
    s3.delete_object(Bucket="insists", Key="k")
    s3.delete_bucket(Bucket="insists")


@pytest.mark.slow
def test_a_scan_finds_what_the_tag_says_where_images_are_scanned(aws):
    ecr = aws("ecr")
    images.push("unscanned", "1", "eu-central-1")
    with pytest.raises(ClientError, match="ScanNotFoundException"):
        ecr.describe_image_scan_findings(repositoryName="unscanned", imageId={"imageTag": "1"})
    ecr.create_repository(repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True})
    for tag, counts in (("1.0", {}), ("1.1-vulnerable", {"CRITICAL": 1, "HIGH": 1, "LOW": 1})):
        digest = images.push("scanned", tag, "eu-central-1")["digest"]
        found = ecr.describe_image_scan_findings(repositoryName="scanned", imageId={"imageDigest": digest})
        assert found["imageScanStatus"]["status"] == "COMPLETE"
        assert found["imageScanFindings"]["findingSeverityCounts"] == counts
    ecr.start_image_scan(repositoryName="unscanned", imageId={"imageTag": "1"})
    found = ecr.describe_image_scan_findings(repositoryName="unscanned", imageId={"imageTag": "1"})
    assert found["imageScanFindings"]["findings"] == []


@pytest.mark.slow
def test_a_live_tag_joins_an_image_whose_other_tags_are_fixed(aws):
    ecr = aws("ecr")
    ecr.create_repository(
        repositoryName="fixed",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filter": "live-*", "filterType": "WILDCARD"}],
    )
    for tag in ("1", "2"):
        images.push("fixed", tag, "eu-central-1")
        held = ecr.batch_get_image(repositoryName="fixed", imageIds=[{"imageTag": tag}])["images"][0]
        ecr.put_image(repositoryName="fixed", imageManifest=held["imageManifest"], imageTag="live-blue")
    found = {image["imageDigest"]: sorted(image["imageTags"]) for image in _images(ecr, "fixed")}
    assert sorted(found.values()) == [["1"], ["2", "live-blue"]]


def _images(ecr, repository):
    return ecr.describe_images(repositoryName=repository)["imageDetails"]
