"""Lifecycle hooks: what holds instances of scaling groups that come or go, until somebody says on, or time is up."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.refusals import Refused

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
CONTINUE, ABANDON = "CONTINUE", "ABANDON"
LONGEST = 48 * 3600.0
"""Seconds that heartbeats can hold an instance, or a hundred times the hook's own time if that is less."""
_LEFT = "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token {} was abandoned: {}"


@dataclass
class Action:
    """One hook that waits for one instance. Times in simulated seconds."""

    group: str
    hook: str
    instance: str
    timeout: float
    default: str
    ends: float
    last: float
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: str = ""
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is to become of an instance: "" while it is waited for. `why`: of ABANDON, in AWS's words."""

    result: str
    why: str = ""


class Hooks:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._actions: dict[str, list[Action]] = {}

    def begin(self, group: Any, instance: str, transition: str) -> bool:
        """Whether a hook of the group holds the instance now."""
        now, actions = self._clock.now(), []
        for hook in stores.autoscaling(group.region).lifecycle_hooks.values():
            if hook.auto_scaling_group_name == group.name and hook.lifecycle_transition == transition:
                timeout = float(hook.heartbeat_timeout)
                last = now + min(LONGEST, 100 * timeout)
                actions.append(
                    Action(group.name, hook.name, instance, timeout, hook.default_result, now + timeout, last)
                )
        self._actions[instance] = actions
        return bool(actions)

    def verdict(self, instance: str) -> Verdict:
        """One that abandons decides for all; else all must have ended."""
        actions = self._actions.get(instance, [])
        for action in actions:
            if not action.result and action.ends <= self._clock.now():
                action.result, action.why = action.default, "Heartbeat Timeout"
        for action in actions:
            if action.result == ABANDON:
                return Verdict(ABANDON, _LEFT.format(action.token, action.why))
        return Verdict(CONTINUE if all(action.result for action in actions) else "")

    def due(self, instance: str) -> float:
        """When the next one's time is up."""
        return min((each.ends for each in self._actions.get(instance, []) if not each.result), default=NEVER)

    def forget(self, instance: str) -> None:
        self._actions.pop(instance, None)

    def complete(
        self, group: str, hook: str, result: str, instance: str | None = None, token: str | None = None
    ) -> None:
        """Raises Refused."""
        if result not in (CONTINUE, ABANDON):
            raise Refused("ValidationError", f"Invalid lifecycle action result: {result}")
        action = self._find(group, hook, instance, token)
        action.result, action.why = result, "Lifecycle Action Completed with ABANDON Result"

    def heartbeat(self, group: str, hook: str, instance: str | None = None, token: str | None = None) -> None:
        """Its whole time again, up to the longest. Raises Refused."""
        action = self._find(group, hook, instance, token)
        action.ends = min(self._clock.now() + action.timeout, action.last)

    def _find(self, group: str, hook: str, instance: str | None, token: str | None) -> Action:
        for actions in self._actions.values():
            for action in actions:
                named = action.token == token if token else action.instance == instance
                if named and (action.group, action.hook, action.result) == (group, hook, ""):
                    return action
        which = f"token {token}" if token else f"instance ID {instance}"
        raise Refused("ValidationError", f"No active Lifecycle Action found with {which}")
