"""What can be made to go wrong in a sandbox, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# How long a fault lasts, simulated, if nothing else is said: an alarm and silence long enough for a bake to see them.
API_SECONDS, ALARM_SECONDS = 300.0, 3600.0


class Surface(Protocol):
    """What a fault can get hold of. Durations in simulated seconds."""

    def serving(self, color: str | None, instance: str | None, image: str | None) -> Sequence[str]: ...
    def terminate(self, id: str) -> None: ...
    def kill_app(self, id: str) -> None: ...
    def misbehave_later(self, image: str, behaviour: str) -> None: ...
    def misbehave(self, id: str, behaviour: str | None) -> None: ...
    def fail_checks(self, id: str, status: int, flapping: bool) -> None: ...
    def api(
        self, kind: str, share: float, seconds: float, service: str, delay: float, operations: Sequence[str]
    ) -> None: ...
    def alarms(self, color: str | None) -> Sequence[str]: ...
    def fire(self, alarm: str, seconds: float) -> None: ...
    def silence(self, seconds: float) -> None: ...
    def clear(self) -> None: ...


@dataclass(frozen=True)
class Aim:
    """Which instances (`color`, `instance` and `image` narrow it, `count` of them), and how badly.

    Errors, slowness and failing checks of an `image` as a whole are the image's: they also hit what starts from it
    later.
    `amount` means what the fault says: a share from 0 to 1, or seconds. `seconds` is how long a fault of the API, the
    metrics or an alarm lasts, simulated (None: as usual for it). `operation`: names of API operations, joined by commas
    or plus signs.
    """

    color: str | None = None
    instance: str | None = None
    image: str | None = None
    count: int | None = None
    amount: float | None = None
    seconds: float | None = None
    service: str = ""
    operation: str = ""
    alarm: str = ""

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be at least 1, not {self.count}")
        if self.amount is not None and self.amount < 0:
            raise ValueError(f"amount must not be negative, as {self.amount} is")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds must be above 0, not {self.seconds}")

    @property
    def of_image(self) -> str | None:
        """The image that is meant as a whole, whoever runs it now or later."""
        return self.image if self.count is None and self.instance is None and self.color is None else None

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.operation.replace("+", ",").split(",") if name.strip())

    def lasting(self, default: float) -> float:
        return default if self.seconds is None else self.seconds

    def share(self, default: float) -> float:
        share = default if self.amount is None else self.amount
        if share > 1:
            raise ValueError(f"amount is a share from 0 to 1 here, not {share}")
        return share


@dataclass(frozen=True)
class Fault:
    """`begin` says what it did, a line each."""

    name: str
    does: str
    begin: Callable[[Surface, Aim], list[str]]


def begin(surface: Surface, name: str, given: dict[str, Any]) -> list[str]:
    """Begins the fault of that name. Raises ValueError: no such fault, or nothing that it could hit."""
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
    unknown = given.keys() - Aim.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"{name} takes {', '.join(Aim.__dataclass_fields__)}, not {', '.join(sorted(unknown))}")
    return fault.begin(surface, Aim(**given))


def read(text: str) -> tuple[str, dict[str, Any]]:
    """A fault and its aim in one text: `api-lost` or `api-lost:operation=ModifyRule,amount=0.3`. Raises ValueError."""
    name, _, rest = text.partition(":")
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or key not in Aim.__dataclass_fields__:
            raise ValueError(f"{pair!r} in {text!r} is not KEY=VALUE with one of {', '.join(Aim.__dataclass_fields__)}")
        given[key] = _NUMBERS[key](value) if key in _NUMBERS else value
    Aim(**given)  # its own checks, before anything is begun
    return name, given


def _victims(surface: Surface, aim: Aim, usual: int | None = None) -> Sequence[str]:
    found = surface.serving(aim.color, aim.instance, aim.image)
    if not found and aim.of_image is None:
        narrowed = (f"of color {aim.color}" if aim.color else "", f"of image {aim.image}" if aim.image else "")
        which = aim.instance or " and ".join(filter(None, narrowed))
        raise ValueError(f"no serving instance {which}".rstrip())
    return found[: aim.count or usual]


def _present(surface: Surface, aim: Aim, usual: int | None = None) -> Sequence[str]:
    """The victims of what goes for none that comes later, whatever the aim."""
    victims = _victims(surface, aim, usual)
    if not victims:
        raise ValueError(f"no serving instance of image {aim.image}")
    return victims


def _instance_dies(surface: Surface, aim: Aim) -> list[str]:
    victims = _present(surface, aim, usual=1)
    for id in victims:
        surface.terminate(id)
    return [f"{id} terminated" for id in victims]


def _app_dies(surface: Surface, aim: Aim) -> list[str]:
    victims = _present(surface, aim, usual=1)
    for id in victims:
        surface.kill_app(id)
    return [f"the app on {id} killed" for id in victims]


def _app_errors(surface: Surface, aim: Aim) -> list[str]:
    share = aim.share(0.5)
    victims, later = _victims(surface, aim), _later(surface, aim, f"errors={share}")
    for id in victims:
        surface.misbehave(id, f"errors={share}")
    return [f"{id} answers {share:.0%} of requests with 500" for id in (*victims, *later)]


def _app_slow(surface: Surface, aim: Aim) -> list[str]:
    seconds = 1.0 if aim.amount is None else aim.amount
    victims, later = _victims(surface, aim), _later(surface, aim, f"slow={seconds}")
    for id in victims:
        surface.misbehave(id, f"slow={seconds}")
    return [f"{id} answers {seconds:g} s later" for id in (*victims, *later)]


def _health_fails(surface: Surface, aim: Aim) -> list[str]:
    victims, later = _victims(surface, aim), _later(surface, aim, "never-healthy")
    for id in victims:
        surface.fail_checks(id, 503, flapping=False)
    return [f"checks of {id} see 503" for id in (*victims, *later)]


def _later(surface: Surface, aim: Aim, behaviour: str) -> list[str]:
    """What also comes to run the image, where that is meant as a whole."""
    if aim.of_image is None:
        return []
    surface.misbehave_later(aim.of_image, behaviour)
    return [f"whatever starts from {aim.of_image}"]


def _health_flaps(surface: Surface, aim: Aim) -> list[str]:
    victims = _present(surface, aim)
    for id in victims:
        surface.fail_checks(id, 503, flapping=True)
    return [f"{id} flaps between healthy and unhealthy" for id in victims]


def _api(kind: str, share: float, delay: float) -> Callable[[Surface, Aim], list[str]]:
    def begin(surface: Surface, aim: Aim) -> list[str]:
        slow = kind == "slow"
        part = 1.0 if slow else aim.share(share)
        late = delay if not slow or aim.amount is None else aim.amount
        seconds = aim.lasting(API_SECONDS)
        surface.api(kind, part, seconds, aim.service, late, aim.operations)
        how = f"take {late:g} s longer" if slow else f"are {_SPOKEN.get(kind, kind)}, {part:.0%} of them"
        calls = f"calls of {' and '.join(aim.operations)}" if aim.operations else "calls"
        return [f"{calls} to {aim.service or 'every service'} {how} for {seconds:g} s"]

    return begin


def _alarm_fires(surface: Surface, aim: Aim) -> list[str]:
    names = [aim.alarm] if aim.alarm else surface.alarms(aim.color)
    if not names:
        raise ValueError(f"no alarm{f' of color {aim.color}' if aim.color else ''}; name one")
    seconds = aim.lasting(ALARM_SECONDS)
    for name in names:
        surface.fire(name, seconds)
    return [f"{name} is in ALARM for {seconds:g} s" for name in names]


def _no_metrics(surface: Surface, aim: Aim) -> list[str]:
    seconds = aim.lasting(ALARM_SECONDS)
    surface.silence(seconds)
    return [f"nothing is reported to CloudWatch for {seconds:g} s"]


def _clear(surface: Surface, aim: Aim) -> list[str]:  # noqa: ARG001
    surface.clear()
    return ["no fault is active"]


_NUMBERS: dict[str, Callable[[str], float]] = {"count": int, "amount": float, "seconds": float}
_SPOKEN = {"lost": "carried out and never answered", "repeated": "carried out twice"}

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("instance-dies", "terminates an instance (count) without a warning", _instance_dies),
        Fault("app-dies", "kills the app of an instance (count); the instance runs on", _app_dies),
        Fault("app-errors", "apps answer a share (amount, 0.5) of their requests with 500", _app_errors),
        Fault("app-slow", "apps answer that many real seconds (amount, 1) later", _app_slow),
        Fault("health-fails", "health checks see 503, whatever the app answers", _health_fails),
        Fault("health-flaps", "health checks see 503 for a while, then what the app answers, and so on", _health_flaps),
        Fault(
            "api-throttled", "a share (amount, 0.5) of the calls to a service is throttled", _api("throttled", 0.5, 0)
        ),
        Fault("api-failing", "a share (amount, 0.5) of the calls to a service fails with 503", _api("failing", 0.5, 0)),
        Fault("api-slow", "calls to a service take that long (amount, 5) longer", _api("slow", 1.0, 5.0)),
        Fault(
            "api-lost", "a share (amount, 0.5) of the calls takes effect, but the answer is lost", _api("lost", 0.5, 0)
        ),
        Fault("api-repeated", "a share (amount, 1) of the calls is carried out twice", _api("repeated", 1.0, 0)),
        Fault("alarm-fires", "an alarm, by name or all of a color, is in ALARM and stays so", _alarm_fires),
        Fault("no-metrics", "balancers and instances report no metrics any more", _no_metrics),
        Fault("clear", "ends all faults; what was terminated stays so", _clear),
    )
}
