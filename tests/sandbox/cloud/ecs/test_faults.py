"""Faults hit tasks as they hit instances, and the state page tells of them."""

import pytest


@pytest.fixture
def served(yard):
    yard.service(yard.definition("v1"))
    yard.world.pass_time(90)
    return yard


def test_the_state_shows_services_and_tasks(served):
    state = served.world.control.answer("GET", "state", {})
    assert [(each["name"], each["desired"], each["deployments"][0]["state"]) for each in state["services"]] == [
        ("web", 2, "COMPLETED")
    ]
    shown = {(task["status"], task["group"], task["color"], task["tag"]) for task in state["tasks"]}
    assert shown == {("RUNNING", "service:web", "blue", "v1")}
    assert {task["address"] for task in state["tasks"]} == {
        target["address"] for target in state["groups"][0]["targets"]
    }


@pytest.mark.parametrize("fault", ["instance-dies", "app-dies"])
def test_a_task_dies_and_is_replaced(served, fault):
    served.world.faulting.begin(fault, {"color": "blue"})
    served.world.pass_time(1)
    gone = served.tasks("STOPPED")
    assert [task["containers"][0]["exitCode"] for task in gone] == [137]
    assert served.health() == ["healthy"]
    served.world.pass_time(90)
    assert served.health() == ["healthy", "healthy"]


def test_tasks_misbehave_until_it_is_cleared(served):
    served.world.faulting.begin("app-errors", {"amount": 0.5})
    assert {app.behaviour for app in served.world.apps.running.values()} == {"errors=0.5"}
    served.world.faulting.begin("clear", {})
    assert {app.behaviour for app in served.world.apps.running.values()} == {"ok"}


def test_an_images_fault_reaches_the_tasks_that_come_later(served):
    world = served.world
    world.faulting.begin("app-errors", {"image": "shop:v1", "amount": 0.5})
    assert {app.behaviour for app in world.apps.running.values()} == {"errors=0.5"}
    world.faulting.begin("instance-dies", {"image": "shop:v1", "count": 2})
    world.pass_time(90)
    assert [app.behaviour for app in world.apps.running.values()] == ["errors=0.5"] * 2
    world.faulting.begin("clear", {})
    assert [app.behaviour for app in world.apps.running.values()] == ["ok"] * 2


def test_failing_checks_stop_tasks(served):
    served.world.faulting.begin("health-fails", {"count": 1})
    served.world.pass_time(40)
    assert any("failed ELB health checks" in task["stoppedReason"] for task in served.tasks("STOPPED"))


def test_only_the_color_that_is_meant(served):
    with pytest.raises(ValueError, match="no serving instance of color green"):
        served.world.faulting.begin("app-dies", {"color": "green"})
