import itertools

import pytest

from sandbox import faults
from sandbox.cloud import images
from tests.sandbox.cloud.conftest import REGION


@pytest.fixture
def serving(site, world):
    site.scaling_group(HealthCheckType="EC2")
    world.pass_time(100)
    return site


def test_every_fault_says_what_it_does(world):
    assert {fault["name"] for fault in world.faulting.known()} == set(faults.FAULTS)
    assert all(fault.does for fault in faults.FAULTS.values())


def test_an_instance_dies_and_is_replaced(serving, world, aws):
    world.faulting.begin("instance-dies", {"color": "blue"})
    world.pass_time(1)
    assert sorted(member["LifecycleState"] for member in serving.group()["Instances"]) == ["InService", "Pending"]


def test_an_app_dies_and_its_target_becomes_unhealthy(serving, world):
    world.faulting.begin("app-dies", {"count": 2})
    world.pass_time(100)
    assert serving.health() == [("unhealthy", "Target.FailedHealthChecks")] * 2


def test_apps_misbehave_until_it_is_cleared(serving, world):
    world.faulting.begin("app-errors", {"color": "blue", "amount": 0.3})
    assert {app.behaviour for app in world.apps.running.values()} == {"errors=0.3"}
    (active,) = world.faulting.active()
    assert (active["name"], set(active["instances"])) == ("errors=0.3", set(world.apps.running))
    world.faulting.begin("clear", {})
    assert {app.behaviour for app in world.apps.running.values()} == {"ok"}
    assert world.faulting.active() == []


def test_slow_apps(serving, world):
    world.faulting.begin("app-slow", {"instance": next(iter(world.apps.running)), "amount": 2})
    assert sorted(app.behaviour for app in world.apps.running.values()) == ["ok", "slow=2"]


@pytest.mark.parametrize(
    ("fault", "behaviour"),
    [("app-errors", "errors=0.3"), ("app-slow", "slow=0.3"), ("health-fails", "never-healthy")],
)
def test_an_images_fault_reaches_what_starts_from_it_later_until_it_is_cleared(serving, world, fault, behaviour):
    serving.scaling_group("v2", name="green")
    world.faulting.begin(fault, {"image": "shop:v2", "amount": 0.3})
    (active,) = (one for one in world.faulting.active() if "image" in one)
    assert (active["name"], active["image"]) == (behaviour, images.push("shop", "v2", REGION)["digest"])
    world.pass_time(100)
    seen = {app.version: app.behaviour for app in world.apps.running.values()}
    assert seen == {"v1": "ok", "v2": behaviour}
    world.faulting.begin("clear", {})
    assert world.faulting.active() == []
    assert {app.behaviour for app in world.apps.running.values()} == {"ok"}


def test_an_image_narrows_what_dies(serving, world):
    serving.scaling_group("v2", name="green")
    world.pass_time(100)
    world.faulting.begin("app-dies", {"image": "000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop:v2", "count": 5})
    assert [app.version for app in world.apps.running.values()] == ["v1", "v1"]


def test_failing_checks(serving, world):
    world.faulting.begin("health-fails", {})
    world.pass_time(100)
    assert serving.health() == [("unhealthy", "Target.ResponseCodeMismatch")] * 2
    world.faulting.begin("clear", {})
    world.pass_time(70)
    assert serving.health() == [("healthy", None)] * 2


def test_flapping_checks(serving, world):
    world.faulting.begin("health-flaps", {"count": 1})
    seen = []
    for _ in range(20):
        world.pass_time(30)
        seen.append(sorted(state for state, _ in serving.health()))
    assert ["healthy", "unhealthy"] in seen
    changes = sum(before != after for before, after in itertools.pairwise(seen))
    assert changes >= 6


def test_api_faults_end_by_themselves(world):
    world.faulting.begin("api-throttled", {"service": "ec2", "amount": 1, "seconds": 30})
    assert world.faulting.active() == [{"name": "api-throttled", "until": 30.0}]
    world.clock.time = 31.0
    assert world.faulting.active() == []


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("quake", {}, "no fault 'quake'"),
        ("app-dies", {"colour": "blue"}, "not colour"),
        ("app-dies", {"color": "green"}, "no serving instance of color green"),
        ("app-dies", {"instance": "i-0"}, "no serving instance i-0"),
        ("app-dies", {"image": "shop:v2"}, "no image shop:v2 in ECR"),
        ("app-errors", {"image": "cart:v1"}, "no image cart:v1 in ECR"),
        ("app-errors", {"image": "shop:v1", "color": "green"}, "of color green and of image shop:v1"),
        ("app-dies", {"count": 0}, "count must be"),
        ("app-errors", {"amount": 3}, "share from 0 to 1"),
        ("app-slow", {"amount": -1}, "must not be negative"),
        ("api-slow", {"seconds": 0}, "seconds must be"),
    ],
)
def test_wrong_faults_are_refused(serving, world, name, given, reason):
    with pytest.raises(ValueError, match=reason):
        world.faulting.begin(name, given)
    assert world.faulting.active() == []
