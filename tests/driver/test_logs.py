"""What instances wrote, and why some never got ready: read from AWS's logs and activities, told where it helps."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import pytest

from driver.await_health import await_health
from driver.cloud.launches import failures
from driver.cloud.logs import last, lines
from driver.errors import Refused, ReleaseFailed, Unforeseen
from driver.invocation import Invocation
from driver.launches import explained
from driver.observe import observe
from driver.release.lines import Line, LostLaunch, boot_failure, told
from driver.release.moves import Await
from driver.report.logs import show_lines
from driver.report.status import StatusView, status_lines
from driver.verbs import logs as logs_verb
from tests.driver.fakes import serving, world

NOW = datetime.now(UTC)
MARKER = "BLUEGREEN BOOT FAILED step={} status=1 line=12 reason={}"


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


class Scaling:
    def __init__(self, *activities: dict) -> None:
        self.activities = activities

    def describe_scaling_activities(self, **asked):
        assert asked["AutoScalingGroupName"] == "blue-1-group"
        return {"Activities": list(self.activities)}


def launch(id: str, code: str, begun: float, ended: float | None, message: str = "") -> dict:
    named = f": {id}" if id else ""
    found = {"Description": f"Launching a new EC2 instance{named}.  Status Reason: x", "StatusCode": code}
    found |= {"StartTime": ago(begun), "StatusMessage": message}
    return found | ({"EndTime": ago(ended)} if ended is not None else {})


ABANDONED = "Instance failed to complete user's Lifecycle Action: it was abandoned: Heartbeat Timeout"


def test_a_boot_failure_is_read_from_the_line_it_left():
    assert boot_failure(MARKER.format("secrets", "secret a\n has no key b")) == (
        "boot failed at secrets: secret a has no key b"
    )
    assert boot_failure(MARKER.format("start", "")) == "boot failed at start"
    assert boot_failure("BLUEGREEN BOOT READY seconds=3") == ""


def test_each_reason_is_told_once_with_its_instances():
    lost = [LostLaunch("i-1", "no"), LostLaunch("i-2", "no"), LostLaunch("", "no capacity"), LostLaunch("i-3", "no")]
    assert told(lost) == ("i-1 and 2 more: no", "no capacity")
    named = [LostLaunch(id, f"User role/{id} may not") for id in ("i-1", "i-2")]
    assert told(named) == ("i-1 and 1 more: User role/the instance may not",)
    assert len(told(LostLaunch(f"i-{n}", f"reason {n}") for n in range(9))) == 3


def test_the_log_says_more_than_the_activity():
    words = {"i-0a": MARKER.format("bundle", "the checksum differs")}
    scaling = Scaling(launch("i-0a", "Cancelled", 3, 1, ABANDONED), launch("i-0b", "Cancelled", 5, 4, ABANDONED))
    assert failures(scaling, "blue-1-group", words.__getitem__) == (
        "i-0a: boot failed at bundle: the checksum differs",
        f"i-0b: {ABANDONED}",
    )


@pytest.mark.parametrize(
    ("activities", "lost"),
    [
        ([launch("i-0a", "Successful", 3, 2)], 0),
        ([launch("i-0a", "MidLifecycleAction", 3, None)], 0),
        ([launch("i-0a", "Cancelled", 90, 80)], 0),  # long ago
        ([launch("i-0a", "Cancelled", 9, 8), launch("i-0b", "Successful", 7, 6)], 0),  # made good
        ([launch("i-0a", "Cancelled", 9, 5), launch("i-0b", "Successful", 9, 8)], 1),  # beside one that came up
        ([launch("", "Failed", 2, 2, "You have requested more than your limit")], 1),
        ([{**launch("i-0a", "Failed", 2, 2), "Description": "Terminating EC2 instance: i-0a"}], 0),
    ],
)
def test_which_launches_count(activities, lost):
    def silent(id: str) -> str:
        raise LookupError(id)

    assert len(failures(Scaling(*activities), "blue-1-group", silent)) == lost


def test_only_the_latest_are_asked_for_their_last_words():
    asked = []

    def words(id: str) -> str:
        asked.append(id)
        return MARKER.format("pull", "no")

    many = [launch(f"i-{n:02d}", "Cancelled", n + 1, n) for n in range(40)]
    assert failures(Scaling(*many), "blue-1-group", words) == ("i-00 and 5 more: boot failed at pull: no",)
    assert asked == [f"i-{n:02d}" for n in range(6)]


class Logs:
    """Pages of events, the first of them empty, as AWS likes to answer."""

    def __init__(self, *events: tuple[float, str, str]) -> None:
        self.events = [
            {"eventId": str(n), "timestamp": int(at * 1000), "logStreamName": stream, "message": text}
            for n, (at, stream, text) in enumerate(events)
        ]
        self.asked: list[dict] = []

    def filter_log_events(self, **asked):
        self.asked.append(asked)
        page = int(asked.get("nextToken", "0"))
        return {"events": self.events[page - 1 : page]} | (
            {"nextToken": str(page + 1)} if page < len(self.events) else {}
        )

    def get_log_events(self, **asked):
        assert (asked["limit"], asked["startFromHead"]) == (1, False)
        return {"events": [one for one in self.events if one["logStreamName"] == asked["logStreamName"]][-1:]}


def test_lines_come_in_their_order_and_no_more_than_asked_for():
    client = Logs((2, "i-1/app1", "second\n"), (1, "i-1/boot", "first"), (3, "i-2/boot", "third"))
    found = lines(client, "/bluegreen/shop/dev/blue", datetime.fromtimestamp(1, UTC), 2)
    assert [line.text for line in found] == ["second", "third"]
    assert (found[0].instance, found[0].part) == ("i-1", "app1")
    assert client.asked[0] == {"logGroupName": "/bluegreen/shop/dev/blue", "startTime": 1000}
    assert last(client, "g", "i-1/boot") == "first"
    with pytest.raises(LookupError):
        last(client, "g", "i-9/boot")


def shown(line: Line, output: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        show_lines([line], "blue", Invocation("dev", None, output, False, False, verb="logs"))
    return out.getvalue()


def test_a_line_for_people_and_for_programs():
    line = Line("1", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC), "i-1/app1", "up\n\x1b[2Jgone")
    assert shown(line, "table") == "12:00:01 i-1/app1  up\n12:00:01 i-1/app1  �[2Jgone\n"
    document = json.loads(shown(line, "json"))
    assert (document["schema"], document["verb"], document["stack"]) == (1, "logs", "dev")
    assert (document["color"], document["instance"], document["part"]) == ("blue", "i-1", "app1")
    assert (document["time"], document["message"]) == ("2026-03-01T12:00:01.000Z", "up\n\x1b[2Jgone")


def line(number: int, seconds: float) -> Line:
    return Line(str(number), NOW + timedelta(seconds=seconds), "i-1/app1", f"line {number}")


class Growing:
    """A log group to which lines come in, one of them late; the last look is interrupted."""

    def __init__(self, *looks: list[Line]) -> None:
        self.looks, self.since = list(looks), list[datetime]()

    def log_group(self, color: str) -> str:
        return f"/bluegreen/shop/dev/{color}"

    def log_lines(self, color: str, since: datetime, limit: int) -> list[Line]:
        self.since.append(since)
        if not self.looks:
            raise KeyboardInterrupt
        return [one for one in self.looks.pop(0) if one.when >= since]


def test_following_shows_each_line_once_also_one_that_comes_in_late(monkeypatch, capsys):
    monkeypatch.setattr(logs_verb, "_LOOK", 0)
    first, late, second = line(1, 0), line(2, -10), line(3, 100)
    cloud = Growing([first], [first, late], [first, late, second], [second])
    called = Invocation("dev", None, "table", False, False, verb="logs")
    with pytest.raises(KeyboardInterrupt):
        logs_verb._go_on(cloud, "blue", [], ago(60), called)
    assert [text.split("  ")[1] for text in capsys.readouterr().out.splitlines()] == ["line 1", "line 2", "line 3"]
    assert cloud.since[1] == NOW - logs_verb._LATE
    assert cloud.since[3] == NOW + timedelta(seconds=100) - logs_verb._LATE


def test_a_color_without_a_log_group_is_told_what_makes_it():
    class Nothing(Growing):
        def log_lines(self, color, since, limit):
            raise LookupError(color)

    with pytest.raises(Refused, match="blue has no log group") as refused:
        logs_verb._read(Nothing(), "blue", NOW, 10)
    assert refused.value.next[0] == "up"


REASON = "i-1 and 1 more: boot failed at secrets: secret shop/db has no key url"


def test_status_names_what_keeps_a_color_from_getting_ready():
    cloud = world(serving()).cloud
    color = cloud.deployed.record.active
    cloud.lost = {cloud.deployed.capacity[color]: (REASON,)}
    well = explained(cloud, observe(cloud, NOW))
    assert not any(fleet.lost for fleet in well.fleets.values())
    cloud.ail(color, 1)
    view = StatusView("shop", explained(cloud, observe(cloud, NOW)))
    assert view.facts()["colors"][color]["launches"] == [REASON]
    assert any(REASON in text for text in status_lines(view, "dev"))
    cloud.failing["launch_failures"] = Unforeseen("no", "way")
    assert not any(fleet.lost for fleet in explained(cloud, observe(cloud, NOW)).fleets.values())


def test_a_deploy_that_never_gets_healthy_ends_with_the_reason():
    made = world(serving())
    cloud, ports = made.cloud, made.ports
    color = cloud.deployed.record.active
    cloud.lost = {cloud.deployed.capacity[color]: (REASON,)}
    cloud.ail(color, 1)
    with pytest.raises(ReleaseFailed) as failed:
        await_health(ports, Await(color, 2), ports.clock.elapsed() + 120)
    assert failed.value.why.startswith(REASON)
    assert failed.value.facts["launches"] == [REASON]
    assert made.said.count(f"{color}: {REASON}") == 1
