"""Gates that look at what a color did, not at what it is: its alarms, and whether it had any traffic. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driver.gates import Verdict
from driver.release.signals import Alarm, Served
from driver.release.terms import Alarms, Policy, Requests
from infra.record import Color


def watched_alarms(asked: Alarms, color: Color, platform: str) -> tuple[str, ...]:
    """Names of the alarms that are watched for a color on its platform."""
    return (*asked.own.get(color, {}).get(platform, ()), *asked.also)


def alarms(found: Mapping[str, Alarm], names: Sequence[str], asked: Alarms) -> Verdict:
    """Whether none of the alarms named fires, or has fired since one looked.

    One that does not exist, and one of the settings' `also` without data, are judged by the settings' policies. Those
    of the program's own have no data until their color has traffic; that is what the gate `requests` is for.
    """
    firing = [alarm for name in names if (alarm := found.get(name)) and (alarm.state == "ALARM" or alarm.fired)]
    if firing:
        first = firing[0]
        tense = "fires" if first.state == "ALARM" else "has fired"
        more = f", and {len(firing) - 1} more" if len(firing) > 1 else ""
        return Verdict(
            "alarms",
            False,
            f"the alarm {first.name} {tense}{more}",
            first.reason,
            ("verify", "promote --gate alarms=warn"),
            passing=True,
        )
    missing = [name for name in names if name not in found]
    if missing and asked.missing != "pass":
        what = f"the alarm {missing[0]} does not exist" + (f", nor do {len(missing) - 1} more" if missing[1:] else "")
        why = f"gates.alarms.missing is {asked.missing}; `up` makes the program's own"
        return _by_policy(asked.missing, what, why, ("up", "promote --gate alarms=warn"))
    blind = [name for name in asked.also if name in found and found[name].state == "INSUFFICIENT_DATA"]
    if blind and asked.no_data != "pass":
        what = f"the alarm {blind[0]} has no data" + (f", nor have {len(blind) - 1} more" if blind[1:] else "")
        return _by_policy(asked.no_data, what, f"gates.alarms.noData is {asked.no_data}", ("status",))
    left = ", ".join([*(f"{name} does not exist" for name in missing), *(f"{name} has no data" for name in blind)])
    number = f"{len(names)} alarms are quiet" if len(names) > 1 else "the alarm is quiet"
    return Verdict("alarms", True, f"{number} (passed over: {left})" if left else number)


def _by_policy(policy: Policy, what: str, why: str, next: tuple[str, ...]) -> Verdict:
    return Verdict("alarms", False, what, why, next, held=policy == "hold")


def requests(served: Served, asked: Requests, color: Color, *, waited_out: bool) -> Verdict:
    """Whether a color answered enough to be judged by. `waited_out`: its bake won't be extended any further."""
    count = f"{served.requests:,} of {asked.least:,} requests"
    if served.requests >= asked.least:
        return Verdict("requests", True, f"{count} answered by {color}, {served.errors} with 5xx")
    if waited_out and asked.otherwise == "pass":
        return Verdict("requests", True, f"only {count} reached {color}; the settings let that pass")
    if waited_out and asked.otherwise == "fail":
        why = "gates.requests.otherwise is fail"
        return Verdict("requests", False, f"only {count} reached {color}", why, ("status",))
    why = "a release that saw no traffic has proven nothing (gate: requests)"
    return Verdict("requests", False, f"only {count} reached {color} so far", why, ("resume", "rollback"), held=True)
