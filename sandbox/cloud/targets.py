"""What a load balancer knows of one registered target, and how checks move it between AWS's states. Pure."""

from dataclasses import dataclass

from sandbox.cloud.probing import Outcome

# State, reason and description as DescribeTargetHealth gives them.
REGISTERING = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = ("healthy", None, None)
TIMED_OUT = ("unhealthy", "Target.Timeout", "Request timed out")
FAILED = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
NOT_IN_USE = (
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)

# How long a load balancer takes to begin checking a target, in simulated seconds.
REGISTRATION = 5.0

Condition = tuple[str, str | None, str | None]


def mismatch(status: int) -> Condition:
    return "unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"


def invalid_state(state: str) -> Condition:
    return "unused", "Target.InvalidState", f"Target is in the {state} state"


@dataclass(frozen=True)
class Settings:
    """A target group's health check; times in simulated seconds."""

    path: str
    interval: float
    timeout: float
    healthy_after: int
    unhealthy_after: int
    codes: str
    enabled: bool = True

    def accepts(self, status: int) -> bool:
        """By the matcher: "200", "200,204", "200-299"."""
        for part in self.codes.split(","):
            low, _, high = part.strip().partition("-")
            if int(low) <= status <= int(high or low):
                return True
        return False


@dataclass
class Target:
    """One target of one group. `next_check` in simulated seconds; `checking` while a check is under way."""

    id: str
    port: int
    condition: Condition = REGISTERING
    next_check: float = 0.0
    checking: bool = False
    good: int = 0
    bad: int = 0
    drained_at: float | None = None
    forced: Outcome | None = None
    flapping: bool = False
    seen: int = 0

    @property
    def state(self) -> str:
        return self.condition[0]

    def checked(self, outcome: Outcome, settings: Settings) -> bool:
        """Takes a check's outcome in. Says whether the state changed.

        A target that was just registered is healthy after one good check; the healthy threshold counts only for one
        that was unhealthy (User Guide, "Health checks for your target groups").
        """
        before = self.condition
        if outcome.status and settings.accepts(outcome.status):
            self.good, self.bad = self.good + 1, 0
            needed = settings.healthy_after if self.state == "unhealthy" else 1
            if self.good >= needed:
                self.condition = HEALTHY
        else:
            self.good, self.bad = 0, self.bad + 1
            if self.state == "unhealthy" or self.bad >= settings.unhealthy_after:
                self.condition = _failure(outcome)
            elif self.condition == REGISTERING:
                self.condition = CHECKING
        return self.state != before[0]

    def falsified(self, outcome: Outcome, settings: Settings) -> Outcome:
        """What a check ends with while a fault is on: flapping takes turns just long enough to change the state."""
        if self.forced is None:
            return outcome
        self.seen += 1
        turn = settings.unhealthy_after + settings.healthy_after
        return outcome if self.flapping and (self.seen - 1) % turn >= settings.unhealthy_after else self.forced

    def begin_again(self, condition: Condition, now: float) -> None:
        """As if just registered: what was counted before doesn't count."""
        self.condition, self.good, self.bad, self.next_check = condition, 0, 0, now + REGISTRATION


def _failure(outcome: Outcome) -> Condition:
    if outcome.timed_out:
        return TIMED_OUT
    return mismatch(outcome.status) if outcome.status else FAILED
