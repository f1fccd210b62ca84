"""Run Command on instances that boot: who can be reached, how a command goes on, and that an attempt runs once."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.bundles import Depot

REACHABLE = 12 + 20
BOOTED = 12 + 45 + 10


@pytest.fixture
def depot(site):
    made = Depot(site)
    yield made
    made.close()


@pytest.fixture
def instance(world, site, depot):
    """The first of two that have just registered, and whose boot is not through."""
    depot.fleet(depot.upload(depot.files(replicas=1)))
    world.pass_time(5)
    assert reachable(site) == []
    world.pass_time(REACHABLE)
    return reachable(site)[0]


def reachable(site) -> list[str]:
    found = site.aws("ssm").describe_instance_information()["InstanceInformationList"]
    return sorted(each["InstanceId"] for each in found if each["PingStatus"] == "Online")


def once(attempt: str, words: str) -> str:
    return f"exec /opt/bluegreen/release/run-once.sh {attempt} {words}"


def send(site, instance: str, line: str, limit: int = 600) -> str:
    asked = {"commands": [line], "executionTimeout": [str(limit)]}
    sent = site.aws("ssm").send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=[instance], Parameters=asked, Comment="bluegreen a1"
    )
    assert sent["Command"]["Status"] == "Pending"
    return sent["Command"]["CommandId"]


def state(site, instance: str, id: str) -> tuple[str, int]:
    found = site.aws("ssm").get_command_invocation(CommandId=id, InstanceId=instance)
    return found["Status"], found["ResponseCode"]


def test_a_command_of_the_release_waits_for_the_boot_and_then_takes_its_time(world, site, instance):
    id = send(site, instance, once("a1", "migrate --sleep 30 'sleep 30'"))
    assert state(site, instance, id) == ("Pending", -1)
    world.pass_time(5)
    assert state(site, instance, id) == ("InProgress", -1)
    world.pass_time(60)
    assert state(site, instance, id) == ("Success", 0)
    (listed,) = site.aws("ssm").list_commands(InstanceId=instance)["Commands"]
    assert (listed["Status"], listed["Comment"]) == ("Success", "bluegreen a1")
    (listed,) = site.aws("ssm").list_command_invocations(InstanceId=instance)["CommandInvocations"]
    assert (listed["CommandId"], listed["Status"]) == (id, "Success")


def test_it_reaches_no_instance_that_was_not_named_and_minds_none_that_is_gone(world, site, instance):
    (spared,) = [each for each in reachable(site) if each != instance]
    id = send(site, instance, once("a1", "true"))
    world.pass_time(60)
    assert state(site, instance, id) == ("Success", 0)
    with pytest.raises(ClientError, match="InvocationDoesNotExist"):
        state(site, spared, id)
    assert site.aws("ssm").list_commands(InstanceId=spared)["Commands"] == []
    site.aws("ec2").terminate_instances(InstanceIds=[spared])
    world.pass_time(60)
    send(site, instance, once("a2", "true"))


@pytest.mark.parametrize(
    ("words", "ends"),
    [("true", ("Success", 0)), ("false", ("Failed", 1)), ("sh -c 'exit 3'", ("Failed", 3)), ("fails", ("Failed", 1))],
)
def test_the_words_decide_how_it_ends(world, site, instance, words, ends):
    id = send(site, instance, once("a1", words))
    world.pass_time(60)
    assert state(site, instance, id) == ends
    said = site.aws("ssm").get_command_invocation(CommandId=id, InstanceId=instance)
    assert "simulated" in said["StandardOutputContent"]
    assert bool(said["StandardErrorContent"]) == (ends[0] == "Failed")


def test_one_attempt_runs_once_however_often_it_is_sent(world, site, instance):
    first = send(site, instance, once("a1", "exit 4"))
    again = send(site, instance, once("a1", "exit 4"))
    other = send(site, instance, once("a2", "true"))
    world.pass_time(90)
    assert [state(site, instance, id)[1] for id in (first, again, other)] == [4, 4, 0]
    assert sum("runs once" in entry["message"] for entry in world.cloud.events.since()) == 2


def test_what_takes_too_long_is_timed_out_and_stays_so(world, site, instance):
    id = send(site, instance, once("a1", "sleep 500"), limit=100)
    world.pass_time(110)
    assert state(site, instance, id) == ("TimedOut", -1)
    world.pass_time(600)
    assert state(site, instance, id) == ("TimedOut", -1)


def test_a_terminated_instance_says_no_more_than_that(world, site, instance):
    id = send(site, instance, once("a1", "sleep 500"))
    world.pass_time(30)
    site.aws("ec2").terminate_instances(InstanceIds=[instance])
    assert state(site, instance, id) == ("Failed", -1)


def test_what_the_sandbox_can_not_do_is_refused(site, instance):
    ssm, asked = site.aws("ssm"), {"commands": ["true"]}
    for wrong, code in (
        ({"InstanceIds": ["i-00000000000000000"]}, "InvalidInstanceId"),
        ({"DocumentName": "AWS-RunPatchBaseline"}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
    ):
        whole = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [instance], "Parameters": asked, **wrong}
        with pytest.raises(ClientError, match=code):
            ssm.send_command(**whole)
    assert ssm.list_commands()["Commands"] == []
    with pytest.raises(ClientError, match="InvocationDoesNotExist"):
        ssm.get_command_invocation(CommandId="0" * 36, InstanceId=instance)
