"""CloudWatch as a whole: each simulated minute metrics are collected, arrive a while later, and alarms are judged."""

import math

from sandbox.cloud.balancing import Balancing
from sandbox.cloud.clock import Calendar, Clock
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.instances import Instances
from sandbox.cloud.watch.alarms import Alarms
from sandbox.cloud.watch.metering import DELAY, MINUTE, Metering
from sandbox.cloud.watch.series import Store


class Watch:
    def __init__(
        self,
        clock: Clock,
        calendar: Calendar,
        balancing: Balancing,
        health: Health,
        instances: Instances,
        events: EventLog,
    ) -> None:
        self._clock = clock
        self.calendar = calendar
        self.store = Store(calendar)
        self.metering = Metering(clock, balancing, health, instances, self.store)
        self.alarms = Alarms(clock, calendar, self.store, events)
        self._collected = math.floor(clock.now() / MINUTE) * MINUTE  # the end of the last minute that was
        self._judged = self._collected

    def step(self) -> float:
        """Lets what is due happen. Returns when the next thing is, in simulated seconds."""
        now = self._clock.now()
        self.metering.observe()
        if self._collected + MINUTE <= now:
            # After a machine slept: what happened in the minutes that nobody looked at is the last one's.
            self._collected = math.floor(now / MINUTE) * MINUTE
            self.metering.collect(self._collected - MINUTE)
        if self._judged + MINUTE + DELAY <= now:
            self._judged = math.floor((now - DELAY) / MINUTE) * MINUTE
            self.store.arrive(now)
            self.alarms.evaluate(self._judged)
        return min(self._collected + MINUTE, self._judged + MINUTE + DELAY)
