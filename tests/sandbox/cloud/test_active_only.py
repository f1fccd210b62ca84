"""Workers on instances: they run while the record names their color and their fill, as their own poller finds it."""

from __future__ import annotations

import json

import pytest

from infra.compose_release import Worker
from sandbox.cloud.state import describe
from tests.sandbox.cloud.bundles import Depot, allow
from tests.sandbox.cloud.conftest import REGION

BOOTED = 12 + 45 + 10
RECORD = "/bluegreen/shop/dev/record"
READS = allow("ssm:GetParameter", f"arn:aws:ssm:{REGION}:000000000000:parameter{RECORD}")


@pytest.fixture
def depot(site):
    made = Depot(site)
    yield made
    made.close()
    site.aws("ssm").delete_parameter(Name=RECORD)


def write(site, active: str, fill: int = 1) -> None:
    record = {"activeColor": active, "colors": {"blue": {"fill": fill}, "green": {"fill": 2}}}
    site.aws("ssm").put_parameter(Name=RECORD, Value=json.dumps(record), Type="String", Overwrite=True)


def boot(world, site, depot, *, may: bool = True, workers: tuple[Worker, ...] | None = None) -> None:
    if may:
        document = json.dumps({"Version": "2012-10-17", "Statement": [READS]})
        site.aws("iam").put_role_policy(RoleName="blue-1-role", PolicyName="read", PolicyDocument=document)
    named = (Worker("mail", ("work",)), Worker("sweep", ("sweep",))) if workers is None else workers
    depot.fleet(depot.upload(depot.files(workers=named)))
    world.pass_time(BOOTED)


def running(world) -> list[list[str]]:
    return [each["workers"] for each in describe(world.cloud)["instances"] if each["state"] == "running"]


def forget(site) -> None:
    site.aws("iam").delete_role_policy(RoleName="blue-1-role", PolicyName="read")


def test_they_run_while_the_record_says_so(world, site, depot):
    write(site, "blue")
    boot(world, site, depot)
    assert running(world) == [["mail", "sweep"]] * 2
    write(site, "green")
    world.pass_time(16)
    assert running(world) == [[], []]
    write(site, "blue", fill=3)
    world.pass_time(16)
    assert running(world) == [[], []], "another fill of the same color"
    write(site, "blue")
    world.pass_time(16)
    assert running(world) == [["mail", "sweep"]] * 2
    site.aws("ssm").put_parameter(Name=RECORD, Value="{", Type="String", Overwrite=True)
    world.pass_time(16)
    assert running(world) == [["mail", "sweep"]] * 2, "what can't be read changes nothing"
    forget(site)
    write(site, "green")
    world.pass_time(16)
    assert running(world) == [["mail", "sweep"]] * 2, "nor does what it may not read"


def test_a_reboot_ends_them_until_the_app_is_back(world, site, depot):
    write(site, "blue")
    boot(world, site, depot)
    site.aws("ec2").reboot_instances(InstanceIds=[site.group()["Instances"][0]["InstanceId"]])
    world.pass_time(20)
    assert sorted(running(world)) == [[], ["mail", "sweep"]]
    world.pass_time(45)
    assert running(world) == [["mail", "sweep"]] * 2
    forget(site)


def test_an_instance_that_ends_ends_its_workers(world, site, depot):
    write(site, "blue")
    boot(world, site, depot)
    id = site.group()["Instances"][0]["InstanceId"]
    site.aws("ec2").terminate_instances(InstanceIds=[id])
    world.pass_time(1)
    found = {each["id"]: each["workers"] for each in describe(world.cloud)["instances"]}
    assert found[id] == []
    assert ["mail", "sweep"] in found.values()
    forget(site)


def test_a_release_without_any_asks_for_nothing(world, site, depot):
    write(site, "blue")
    boot(world, site, depot, may=False, workers=())
    assert running(world) == [[], []]
