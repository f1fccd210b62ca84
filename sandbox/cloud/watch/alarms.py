"""Alarms: looked at once a simulated minute, their states, their history, and what they set off."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import Calendar, Clock
from sandbox.cloud.events import EventLog
from sandbox.cloud.watch import definitions, notices, rules
from sandbox.cloud.watch.adjusting import Breach
from sandbox.cloud.watch.expressions import ExpressionError
from sandbox.cloud.watch.judging import ALARM, INSUFFICIENT, OK, Datum, Verdict, judge
from sandbox.cloud.watch.queries import Window, read
from sandbox.cloud.watch.series import Store

STATES = (OK, ALARM, INSUFFICIENT)
REMEMBERED = 1000  # entries of one alarm's history


@dataclass(frozen=True)
class Entry:
    """One of an alarm's history, by the names of the API's answer."""

    alarm_name: str
    alarm_type: str
    timestamp: datetime
    history_item_type: str
    history_summary: str
    history_data: str


@dataclass
class Hold:
    """An alarm that a fault keeps in ALARM until a simulated time."""

    region: str
    name: str
    until: float


@dataclass
class Alarms:
    """`scale` is called with a scaling policy's ARN and what has happened; it says why it can't do what that asks."""

    clock: Clock
    calendar: Calendar
    store: Store
    events: EventLog
    scale: Callable[[str, Breach], str | None] = lambda arn, breach: f"nobody obeys {arn} at {breach.alarm}"
    holds: list[Hold] = field(default_factory=list)
    _history: dict[tuple[str, str], deque[Entry]] = field(default_factory=dict)

    def evaluate(self, end: float) -> None:
        """Judges every alarm by what was reported for the time before `end`."""
        self.holds = self.held()
        regions = set()
        for region, alarm in stores.alarms():
            regions.add(region)
            if alarm.rule is not None or self._held(region, alarm.name):
                continue
            before = alarm.state_value
            verdict = self._verdict(region, alarm, end)
            alarm.latest = verdict.latest
            if verdict.state is not None:
                self.enter(region, alarm, verdict.state, verdict.reason, _data(alarm, verdict))
            if alarm.state_value == before:
                self._scale(region, alarm, again=True)
        for region in regions:
            self.combine(region)

    def enter(self, region: str, alarm: Any, state: str, reason: str, data: str = "{}") -> None:
        """Puts an alarm into a state; where it is in it already, nothing happens."""
        if alarm.state_value == state:
            return
        before = notices.State(alarm.state_value, alarm.state_reason, alarm.state_reason_data)
        alarm.state_value, alarm.state_reason, alarm.state_reason_data = state, reason, data
        alarm.state_updated_timestamp = alarm.state_transitioned_timestamp = self.calendar.now()
        after = notices.State(state, reason, data)
        self._note(region, alarm, "StateUpdate", f"Alarm updated from {before.value} to {state}", before, after)
        self.events.add("alarm", alarm.name, f"{state}: {reason}")
        if not alarm.actions_enabled:
            return
        for action in _actions(alarm, state):
            if ":sns:" in action:
                failure = notices.publish(action, region, alarm, before, after, self.calendar.now())
                self._acted(region, alarm, action, failure)
        self._scale(region, alarm, again=False)

    def combine(self, region: str) -> None:
        """Judges the composite alarms of a region, until none of them changes any more."""
        alarms = stores.cloudwatch(region).alarms
        composite = [alarm for alarm in alarms.values() if alarm.rule is not None]
        for _ in composite:
            before = [alarm.state_value for alarm in composite]
            for alarm in composite:
                if self._held(region, alarm.name):
                    continue
                rule, names = rules.read(alarm.rule)
                states = {name: alarms[name].state_value if name in alarms else INSUFFICIENT for name in names}
                state = ALARM if rule(states.__getitem__) else OK
                told = ", ".join(f"{name} is {held}" for name, held in states.items())
                self.enter(region, alarm, state, f"{alarm.rule} is {state}: {told}")
            if before == [alarm.state_value for alarm in composite]:
                return

    def hold(self, name: str, seconds: float) -> None:
        """A fault: the alarm of that name, in whichever region. Raises ValueError: there is none."""
        found = [(region, alarm) for region, alarm in stores.alarms() if alarm.name == name]
        if not found:
            known = ", ".join(sorted(alarm.name for _, alarm in stores.alarms())) or "none"
            raise ValueError(f"no alarm {name!r}; there are {known}")
        for region, alarm in found:
            self.holds.append(Hold(region, name, self.clock.now() + seconds))
            self.enter(region, alarm, ALARM, f"Threshold Crossed: the fault alarm-fires holds it for {seconds:g} s.")
            self.combine(region)

    def held(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.until > self.clock.now()]

    def history(self, region: str, name: str | None = None) -> list[Entry]:
        """Oldest first, also of alarms that are gone."""
        found = [
            entry
            for (where, of), held in self._history.items()
            if where == region and name in (None, of)
            for entry in held
        ]
        return sorted(found, key=lambda entry: entry.timestamp)

    def configured(self, region: str, alarm: Any, how: str) -> None:
        """Notes that an alarm was created, updated or deleted."""
        self._note(region, alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {how}')

    def _verdict(self, region: str, alarm: Any, end: float) -> Verdict:
        terms, period = definitions.terms(alarm), definitions.period(alarm)
        queries, watched = definitions.queries(alarm)
        window = Window(end - terms.range * period, end, anchor=end)
        try:
            series = read(self.store, region, queries, window).get(watched, {})
        except ExpressionError as error:
            return Verdict(INSUFFICIENT, f"Insufficient Data: {error}")
        if definitions.too_few_samples(self.store, region, alarm, window):
            return Verdict(None)
        data = [Datum(self._spoken(at), series.get(at)) for at in window.periods(period)]
        return judge(data, terms)

    def _scale(self, region: str, alarm: Any, again: bool) -> None:
        """Scaling actions are repeated each period that the alarm stays, the others happen once."""
        if not alarm.actions_enabled:
            return
        breach = Breach(alarm.name, getattr(alarm, "latest", None), float(alarm.threshold or 0))
        for action in _actions(alarm, alarm.state_value):
            if ":autoscaling:" in action:
                failure = self.scale(action, breach)
                if not again or failure:
                    self._acted(region, alarm, action, failure)

    def _acted(self, region: str, alarm: Any, action: str, failure: str | None) -> None:
        how = "Successfully executed" if failure is None else "Failed to execute"
        self._note(region, alarm, "Action", f"{how} action {action}" + (f": {failure}" if failure else ""))

    def _note(
        self,
        region: str,
        alarm: Any,
        kind: str,
        summary: str,
        before: notices.State | None = None,
        after: notices.State | None = None,
    ) -> None:
        of_type = "MetricAlarm" if alarm.rule is None else "CompositeAlarm"
        data = notices.history_data(before, after) if before and after else "{}"
        entry = Entry(alarm.name, of_type, self.calendar.now(), kind, summary, data)
        self._history.setdefault((region, alarm.name), deque(maxlen=REMEMBERED)).append(entry)

    def _held(self, region: str, name: str) -> bool:
        return any((hold.region, hold.name) == (region, name) for hold in self.held())

    def _spoken(self, at: float) -> str:
        return self.calendar.of(at).strftime("%d/%m/%y %H:%M:%S")


def _actions(alarm: Any, state: str) -> list[str]:
    actions: list[str] = {
        OK: alarm.ok_actions,
        ALARM: alarm.alarm_actions,
        INSUFFICIENT: alarm.insufficient_data_actions,
    }[state]
    return actions or []


def _data(alarm: Any, verdict: Verdict) -> str:
    recent = [datum.value for datum in verdict.evaluated]
    return notices.reason_data(definitions.terms(alarm).threshold, definitions.period(alarm), recent)
