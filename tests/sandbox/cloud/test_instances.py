import base64
import dataclasses
import gzip
import re

import pytest

from sandbox.cloud import images
from sandbox.cloud.userdata import BadUserData, read_release
from tests.sandbox.cloud.conftest import REGION, user_data


def encoded(script: str) -> str:
    return base64.b64encode(script.encode()).decode()


def test_release_lines_are_read():
    release = read_release(user_data("host/shop@sha256:abc", "green", FILL="12"))
    assert (release.service, release.color, release.fill, release.port) == ("shop", "green", "12", 8080)
    assert release.image == "host/shop@sha256:abc"


def test_gzipped_user_data_is_read():
    packed = base64.b64encode(gzip.compress(base64.b64decode(user_data("image")))).decode()
    assert read_release(packed).image == "image"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "no user data"),
        ("%%%", "unreadable"),
        (base64.b64encode(b"\x80\xff").decode(), "unreadable"),
        (encoded("#!/bin/bash\necho hello\n"), "no release lines"),
        (encoded("cat > /opt/bluegreen/release.env <<'END'\nBLUEGREEN_IMAGE=x\n"), "has no end"),
        (encoded("cat > /opt/bluegreen/release.env <<'END'\nBLUEGREEN_IMAGE=x\nEND\n"), "lacks BLUEGREEN_SERVICE"),
        (user_data("x", PORT="web"), "not a port"),
        (user_data("x", IMAGE=""), "lacks BLUEGREEN_IMAGE"),
    ],
)
def test_bad_user_data_says_what_is_wrong(data, reason):
    with pytest.raises(BadUserData, match=reason):
        read_release(data)


def test_a_tag_is_pushed_to_the_same_digest_each_time(world, aws):
    first = images.push("shop", "v1", REGION)
    assert images.push("000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop", "v1", "us-east-1") == first
    other = images.push("shop", "v2", REGION)
    assert other["digest"] != first["digest"]
    assert images.pull(first["image"]).tag == "v1"
    answer = aws("ecr").batch_get_image(repositoryName="shop", imageIds=[{"imageTag": "v1"}])
    assert [image["imageId"]["imageDigest"] for image in answer["images"]] == [first["digest"]]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("shop:v1", "names no digest"),
        ("docker.io/shop@sha256:0", "not an ECR registry"),
        ("111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:0", "no basic auth credentials"),
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/no@sha256:0", "repository no does not exist"),
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:0", "not found"),
    ],
)
def test_an_image_that_is_not_there_says_so(world, image, reason):
    images.push("shop", "v1", REGION)
    with pytest.raises(images.NoSuchImage, match=reason):
        images.pull(image)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (user_data("000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:00"), "manifest for .* not found"),
        (encoded("#!/bin/sh\n"), "no release lines"),
    ],
)
def test_an_instance_that_can_not_serve_says_why_on_its_console(site, world, aws, data, reason):
    site.scaling_group(data=data)
    world.pass_time(120)
    id = site.group()["Instances"][0]["InstanceId"]
    output = aws("ec2").get_console_output(InstanceId=id)["Output"]
    assert "pending" in output
    assert re.search(f"{reason}.*; nothing listens", output)
    assert site.health() == [("unhealthy", "Target.FailedHealthChecks")] * 2


def test_a_reboot_brings_no_app_whose_image_was_never_pulled(site, world, aws):
    site.scaling_group(data=user_data("000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:00"))
    world.pass_time(70)
    aws("ec2").reboot_instances(InstanceIds=[site.group()["Instances"][0]["InstanceId"]])
    world.pass_time(50)
    assert world.apps.running == {}


def test_the_console_shows_the_apps_log(site, world, aws):
    site.scaling_group()
    world.pass_time(60)
    id = site.group()["Instances"][0]["InstanceId"]
    output = aws("ec2").get_console_output(InstanceId=id)["Output"]
    assert f"log of {id}" in output
    assert "shop v1 listens on" in output


@pytest.mark.parametrize(("tag", "behaviour"), [("slow-start", "slow-start=12.000"), ("v3-dies", "dies=30.000")])
def test_behaviours_that_take_time_are_sped_up(site, world, tag, behaviour):
    world.clock.speed = 10.0
    site.scaling_group(tag)
    world.pass_time(60)
    assert {app.behaviour for app in world.apps.running.values()} == {behaviour}


def test_each_instance_has_an_address_of_its_own(site, world):
    site.scaling_group(MinSize=0, MaxSize=10, DesiredCapacity=6)
    world.pass_time(60)
    assert len({app.address for app in world.apps.running.values()}) == 6
    assert all(app.address.startswith("127.") for app in world.apps.running.values())


def test_where_a_system_has_one_loopback_address_apps_take_any_port(world, site):
    world.cloud.instances._network = ""
    boot = world.apps.boot

    def boot_on_any_port(app):
        assert (app.address, app.port) == ("127.0.0.1", 0)
        return boot(dataclasses.replace(app, port=40000 + len(world.apps.running)))

    world.apps.boot = boot_on_any_port
    site.scaling_group()
    world.pass_time(30)
    assert {(target.address, target.port) for target in world.plane.tables[-1].groups[0].targets} == {("127.0.0.1", 1)}
    world.pass_time(100)
    assert site.health() == [("healthy", None)] * 2
    ports = {target.port for target in world.plane.tables[-1].groups[0].targets}
    assert ports == {40000, 40001}
