"""CloudWatch Logs as instances write to it: as their role, to groups that are there, and never without bound."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.permissions import Call
from sandbox.cloud.rights import Rights

KEPT = 2000
"""Lines of one stream: the oldest go first."""
LONGEST = 2000
_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


def write(rights: Rights, region: str, group: str, stream: str, lines: Iterable[str]) -> bool:
    """Whether the lines are there now: the group has to exist, and the role to be let."""
    held: Any = stores.logs(region).groups.get(group)
    arn = f"arn:aws:logs:{region}:{stores.ACCOUNT}:log-group:{group}:log-stream:{stream}"
    if held is None or not all(rights.allows(Call(action, arn)) for action in _ACTIONS):
        return False
    now = int(datetime.now(UTC).timestamp() * 1000)
    events = [{"timestamp": now, "message": line[:LONGEST]} for line in lines]
    if not events:
        return True
    if stream not in held.streams:
        held.create_log_stream(stream)
    held.put_log_events(stream, events)
    del held.streams[stream].events[:-KEPT]
    return True
