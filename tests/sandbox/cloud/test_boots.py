"""Instances that boot from a release's bundle: what they run, what keeps them out, and where they say it."""

from __future__ import annotations

import json
import re

import pytest

from sandbox.cloud import bundle
from tests.sandbox.cloud.bundles import HOOK, Depot, Secret

BOOTED = 12 + 45 + 10
WANTED = (Secret("DATABASE_URL", "shop/database", "url"), Secret("TOKEN", "shop/token"))


@pytest.fixture
def stocked(site):
    """Makes what instances boot from, with a role that lacks some actions."""
    made = []

    def make(*without: str) -> Depot:
        made.append(Depot(site, without))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def depot(stocked):
    return stocked()


def failure(depot: Depot) -> str:
    """The one reason that all of its instances gave."""
    found = {re.sub(r"i-[0-9a-f]+", "i-…", line) for line in depot.lines("failure")}
    assert len(found) == 1, found
    return found.pop()


def stays_out(world, site, depot, *reasons: str) -> None:
    """The group gives its instances up, launches others, and none is ever a target."""
    world.pass_time(BOOTED)
    for reason in reasons:
        assert reason in failure(depot)
    assert site.health() == []
    assert not world.apps.running or reasons[0].startswith("step=ready")
    abandoned = [each for each in depot.activities() if each["StatusCode"] == "Cancelled"]
    assert len(abandoned) == 2
    assert "Lifecycle Action Completed with ABANDON Result" in abandoned[0]["StatusMessage"]
    launched = [each for each in depot.activities() if each["Description"].startswith("Launching")]
    assert len(launched) == 4


def test_an_instance_runs_what_its_bundle_says(world, site, depot):
    depot.secret("shop/database", '{"url": "postgres://…"}')
    depot.secret("shop/token", "s3cret")
    depot.fleet(depot.upload(depot.files(replicas=3, environment={"GREETING": "hello $you"}, secrets=WANTED)))
    world.pass_time(12 + 45 - 1)
    assert {member["LifecycleState"] for member in site.group()["Instances"]} == {"Pending:Wait"}
    assert {each["StatusCode"] for each in depot.activities()} == {"MidLifecycleAction"}
    assert site.health() == []
    world.pass_time(11)
    assert {member["LifecycleState"] for member in site.group()["Instances"]} == {"InService"}
    assert [state for state, _ in site.health()] == ["healthy", "healthy"]
    (app, _) = world.apps.running.values()
    assert (app.service, app.color, app.version, app.replicas) == ("shop", "blue", "v1", 3)
    assert {"GREETING", "DATABASE_URL", "TOKEN", "PORT", "BLUEGREEN_RELEASE"} <= set(app.variables)
    assert not any("s3cret" in json.dumps(event) for event in world.cloud.events.since())
    assert {each["StatusCode"] for each in depot.activities()} == {"Successful"}
    assert [line for line in depot.lines("boot") if "BLUEGREEN BOOT READY" in line]
    assert depot.lines("failure") == []


def test_the_version_in_the_stub_is_what_runs_whatever_came_after_it(world, site, depot):
    place = depot.upload(depot.files(tag="v1"))
    depot.upload(depot.files(tag="v2"))
    depot.fleet(place)
    world.pass_time(BOOTED)
    assert {app.version for app in world.apps.running.values()} == {"v1"}


def test_an_object_that_is_gone(world, site, depot):
    place = depot.upload(depot.files())
    depot.upload(depot.files(tag="v2"))
    depot.aws("s3").delete_object(Bucket="bundles", Key=place.key, VersionId=place.version)
    depot.fleet(place)
    stays_out(world, site, depot, "step=bundle", "(NoSuchVersion) when calling the GetObject operation")


def test_a_key_that_is_gone_looks_forbidden_to_who_may_not_list(world, site, depot):
    place = depot.upload(depot.files())
    depot.aws("s3").delete_object(Bucket="bundles", Key=place.key, VersionId=place.version)
    depot.fleet(place)
    stays_out(world, site, depot, "step=bundle", "(AccessDenied)", "perform: s3:ListBucket on resource: arn:aws:s3:::b")


def test_a_bundle_that_somebody_changed(world, site, depot):
    place = depot.upload(depot.files())
    files = depot.files(environment={"EVIL": "1"})
    other = depot.upload(files)
    depot.fleet(bundle_place(place, version=other.version))
    stays_out(world, site, depot, "step=bundle", "its checksum differs")


def bundle_place(place, **changed):
    import dataclasses

    return dataclasses.replace(place, **changed)


@pytest.mark.parametrize(
    ("name", "text", "reasons"),
    [
        ("app.env", 'GREETING="hello', ("step=start", "failed to read app.env: line 1: unterminated quoted value")),
        ("app.env", "GREET ING=x", ("step=start", "unexpected character ' ' in variable name")),
        ("compose.yaml", "services: [", ("step=start", "compose.yaml can't be read")),
        ("compose.yaml", "name: x", ("step=start", "no service selected")),
        ("compose.yaml", "services: {app: {command: x}}", ("step=start", "neither an image nor a build")),
        ("compose.yaml", "services: {app: {image: 'other@sha256:1'}}", ("step=start", "no service runs")),
        ("release.env", "BLUEGREEN_SERVICE=shop", ("step=bundle", "release.env lacks BLUEGREEN_STACK")),
        ("secrets.json", "{", ("step=secrets", "secrets.json can't be read")),
    ],
)
def test_a_file_that_is_wrong(world, site, depot, name, text, reasons):
    depot.fleet(depot.upload({**depot.files(), name: text}))
    stays_out(world, site, depot, *reasons)


def test_a_file_that_is_missing(world, site, depot):
    files = depot.files()
    del files["app.env"]
    depot.fleet(depot.upload(files))
    stays_out(world, site, depot, "step=start", "env file app.env not found")


@pytest.mark.parametrize(
    ("stored", "reasons"),
    [
        ({}, ("step=secrets", "secret shop/database can't be read", "ResourceNotFoundException")),
        ({"shop/database": None}, ("step=secrets", "staging label: AWSCURRENT")),
        ({"shop/database": '{"uri": "x", "user": "y"}'}, ("has no key url; it has uri, user",)),
        ({"shop/database": "plain"}, ("is no JSON object, so it has no key url",)),
    ],
)
def test_a_secret_that_is_not_as_it_should_be(world, site, depot, stored, reasons):
    for name, value in stored.items():
        depot.secret(name, value)
    depot.fleet(depot.upload(depot.files(secrets=WANTED[:1])))
    stays_out(world, site, depot, *reasons)


def test_an_image_that_is_missing(world, site, depot):
    files = depot.files(tag="v7")
    depot.aws("ecr").batch_delete_image(repositoryName="shop", imageIds=[{"imageTag": "v7"}])
    depot.fleet(depot.upload(files))
    stays_out(world, site, depot, "step=pull", "not found")


@pytest.mark.parametrize(
    ("action", "reasons"),
    [
        ("s3:GetObjectVersion", ("step=bundle", "(AccessDenied)", "no identity-based policy allows the s3:GetObjectV")),
        ("secretsmanager:GetSecretValue", ("step=secrets", "(AccessDeniedException)", "assumed-role/blue-1-role/i-…")),
        ("ecr:GetAuthorizationToken", ("step=pull", "perform: ecr:GetAuthorizationToken on resource: *")),
        ("ecr:BatchGetImage", ("step=pull", ":repository/shop because no identity-based policy")),
    ],
)
def test_a_permission_that_is_missing(world, site, stocked, action, reasons):
    depot = stocked(action)
    depot.secret("shop/database", '{"url": "x"}')
    depot.fleet(depot.upload(depot.files(secrets=WANTED[:1])))
    stays_out(world, site, depot, *reasons)


def test_who_may_not_complete_the_hook_waits_for_its_end(world, site, stocked):
    depot = stocked("autoscaling:CompleteLifecycleAction")
    depot.fleet(depot.upload(depot.files()))
    world.pass_time(BOOTED)
    assert "step=lifecycle" in failure(depot)
    assert {member["LifecycleState"] for member in site.group()["Instances"]} == {"Pending:Wait"}
    world.pass_time(900)
    abandoned = [each for each in depot.activities() if each["StatusCode"] == "Cancelled"]
    assert "was abandoned: Heartbeat Timeout" in abandoned[0]["StatusMessage"]
    assert site.health() == []


def test_without_leave_to_log_the_console_alone_knows(world, site, stocked):
    depot = stocked("logs:PutLogEvents", "s3:GetObjectVersion")
    depot.fleet(depot.upload(depot.files()))
    world.pass_time(BOOTED)
    assert depot.lines("failure") == depot.lines("boot") == []
    first = next(iter(world.cloud.instances.machines.values()))
    assert [line for line in first.console if "BLUEGREEN BOOT FAILED step=bundle" in line]


def test_an_app_that_never_gets_healthy_is_given_up_when_its_time_is(world, site, depot):
    depot.fleet(depot.upload(depot.files(tag="v2-never-healthy", ready_seconds=120)))
    world.pass_time(12 + 45 + 110)
    assert depot.lines("failure") == []
    world.pass_time(20)
    assert "step=ready" in failure(depot)
    assert "/health/deep answered 503 120 s after the start, not 200-200" in failure(depot)
    assert site.health() == []


def test_what_apps_say_is_in_their_log_streams_and_does_not_pile_up(world, site, depot):
    depot.fleet(depot.upload(depot.files()))
    world.pass_time(BOOTED)
    id = next(iter(world.apps.running))
    world.apps.said[id] = [(2, "hello from the second"), *((1, f"line {number}") for number in range(2500))]
    world.pass_time(6)
    assert depot.lines("app2") == ["hello from the second"]
    from sandbox.cloud import stores
    from tests.sandbox.cloud.bundles import LOG_GROUP

    held = stores.logs("eu-central-1").groups[LOG_GROUP].streams[f"{id}/app1"].events
    assert (len(held), held[-1].message) == (2000, "line 2499")


def rebooted(world, site, depot, aws) -> str:
    """One of two instances, with a secret, a while after its reboot began."""
    depot.secret("shop/database", '{"url": "postgres://…"}')
    depot.secret("shop/token", "s3cret")
    depot.fleet(depot.upload(depot.files(secrets=WANTED)))
    world.pass_time(BOOTED)
    id = str(next(iter(world.apps.running)))
    aws("autoscaling").suspend_processes(AutoScalingGroupName="blue", ScalingProcesses=["HealthCheck"])
    aws("ec2").reboot_instances(InstanceIds=[id])
    world.pass_time(40)
    assert id not in world.apps.running
    return id


def test_after_a_reboot_the_same_release_serves_again_and_fetches_nothing_but_secrets(world, site, depot, aws):
    id = rebooted(world, site, depot, aws)
    for version in aws("s3").list_object_versions(Bucket="bundles")["Versions"]:
        aws("s3").delete_object(Bucket="bundles", Key=version["Key"], VersionId=version["VersionId"])
    world.pass_time(40)
    assert [state for state, _ in site.health()] == ["healthy", "healthy"]
    assert world.apps.running[id].version == "v1"
    assert len([line for line in depot.lines("boot") if "step=bundle" in line]) == 2


def test_after_a_reboot_without_its_secret_nothing_starts(world, site, depot, aws):
    id = rebooted(world, site, depot, aws)
    aws("secretsmanager").delete_secret(SecretId="shop/token", ForceDeleteWithoutRecovery=True)
    world.pass_time(100)
    assert id not in world.apps.running
    assert sorted(state for state, _ in site.health()) == ["healthy", "unhealthy"]
    (said,) = [line for line in depot.lines("boot") if "bluegreen-secrets.service" in line]
    assert "secret shop/token can't be read" in said


def test_without_a_hook_it_serves_when_it_can(world, site, depot):
    depot.fleet(depot.upload(depot.files()), LifecycleHookSpecificationList=[])
    world.pass_time(13)
    assert {member["LifecycleState"] for member in site.group()["Instances"]} == {"InService"}
    world.pass_time(BOOTED + 30)
    assert [state for state, _ in site.health()] == ["healthy", "healthy"]


def test_a_stub_that_lacks_a_line_says_which(world):
    stub = "cat >/opt/bluegreen/stub.env <<'STUB'\nBLUEGREEN_REGION=eu-central-1\nSTUB\n"
    with pytest.raises(bundle.BadBundle, match=r"lacks BLUEGREEN_BUNDLE_BUCKET, .*BLUEGREEN_HOOK"):
        bundle.read_stub(stub)
    with pytest.raises(bundle.BadBundle, match="has no end"):
        bundle.read_stub(stub.replace("\nSTUB\n", ""))
    assert bundle.read_stub("#!/bin/bash\n") is None


def test_a_hook_that_is_refused(site, aws):
    from botocore.exceptions import ClientError

    for wrong, words in (
        ({"HeartbeatTimeout": 10}, "greater than or equal to 30"),
        ({"HeartbeatTimeout": 9000}, "less than or equal to 7200"),
        ({"DefaultResult": "MAYBE"}, "CONTINUE or ABANDON"),
        ({"LifecycleTransition": "launching"}, "Invalid lifecycle transition"),
    ):
        with pytest.raises(ClientError, match=words):
            site.scaling_group(name=f"green-{len(words)}", LifecycleHookSpecificationList=[{**HOOK, **wrong}])
