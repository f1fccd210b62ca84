"""CloudWatch Logs: what a color's instances have written. Used by `driver.cloud.aws` alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driver.cloud.failures import spoken
from driver.release.lines import Line

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PAGES = 200
"""Of FilterLogEvents, which may answer with empty pages for as long as it looks."""


def lines(client: CloudWatchLogsClient, group: str, since: datetime, limit: int) -> tuple[Line, ...]:
    """The latest lines since then, oldest first. Raises LookupError where there is no such log group."""
    found: list[Line] = []
    more: dict[str, str] = {}
    with spoken(f"the log group {group}"):
        for _ in range(_PAGES):
            answer = client.filter_log_events(
                logGroupName=group,
                startTime=int(since.timestamp() * 1000),
                **more,  # type: ignore[arg-type]
            )
            found += [
                Line(
                    one.get("eventId", ""),
                    datetime.fromtimestamp(one["timestamp"] / 1000, UTC),
                    one.get("logStreamName", ""),
                    one.get("message", "").rstrip("\n"),
                )
                for one in answer.get("events", [])
            ]
            if not answer.get("nextToken"):
                break
            more = {"nextToken": answer["nextToken"]}
    # Of events of one millisecond those of one stream keep their order.
    return tuple(sorted(found, key=lambda line: line.when)[-limit:])


def latest(client: CloudWatchLogsClient, group: str, stream: str, limit: int) -> tuple[str, ...]:
    """The last lines of one stream, oldest first. Raises LookupError where there is no such stream."""
    with spoken(f"the log stream {stream}"):
        answer = client.get_log_events(logGroupName=group, logStreamName=stream, limit=limit, startFromHead=False)
    return tuple(str(one.get("message", "")) for one in answer["events"])


def last(client: CloudWatchLogsClient, group: str, stream: str) -> str:
    """The last line of one stream. Raises LookupError where there is none."""
    found = latest(client, group, stream, 1)
    if not found:
        raise LookupError(stream)
    return found[-1]
