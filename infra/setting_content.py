"""What an app is given besides its image: environment, secrets, workers. Pure.

Limits: names as POSIX shells take them; secret names and ARNs as Secrets Manager has them (512 characters of
A-Z a-z 0-9 /_+=.@-, and an ARN's six characters behind the name). The sizes are ours: all of it travels in the
release's bundle and through an env file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule

LONGEST = 8 * 1024
"""Bytes of one value."""
LARGEST = 64 * 1024
"""Bytes of all names and values."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# BLUEGREEN_ is ours, PORT the setting `port`; Compose and Docker read the others themselves.
_RESERVED = re.compile(r"BLUEGREEN_.*|COMPOSE_.*|DOCKER_.*|PORT", re.IGNORECASE)
# Line feed and tab are the only control characters that an env file in quotes brings across.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|[\ud800-\udfff]")
_SERVICE = re.compile(r"app\d*|nginx|run-once")
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,512}-[A-Za-z0-9]{6}")
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


def reserved(name: str) -> bool:
    """Whether the name of a variable is one that the platform sets or reads itself."""
    return _RESERVED.fullmatch(name) is not None


def _named(value: Any) -> Any:
    for name in value if isinstance(value, dict) else ():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or reserved(name):
            raise ValueError(f"name {name!r}")
    return value


def _value(value: Any) -> Any:
    """Text; whole numbers and booleans as YAML writes them. A fraction has lost its digits already: 1.10 is 1.1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _sized(value: str) -> str:
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST or _UNPRINTABLE.search(value):
        raise ValueError("too long, or has control characters")
    return value


def _secret(value: str) -> str:
    if not _SECRET_ARN.fullmatch(value) and not _SECRET_NAME.fullmatch(value):
        raise ValueError("no secret's name")
    return value


_NAMES = (
    "names of letters, digits and _ (up to 128, no digit first), none of them PORT or beginning with BLUEGREEN_, "
    "COMPOSE_ or DOCKER_"
)
Value: TypeAlias = Annotated[
    str,
    BeforeValidator(_value),
    AfterValidator(_sized),
    Field(
        description=f"text of up to {LONGEST // 1024} KB without control characters, a whole number, true or false "
        "(a fraction as text in quotes: YAML drops its last zeros)"
    ),
]
Environment: TypeAlias = Annotated[
    dict[str, Value],
    BeforeValidator(_named),
    Field(max_length=200, description=f"an object of up to 200 {_NAMES}"),
]
SecretName: TypeAlias = Annotated[
    str,
    AfterValidator(_secret),
    Field(
        description="a secret of Secrets Manager by name, or by its whole ARN with the six characters at its end; "
        "what follows them in ECS's form belongs in key"
    ),
]
JsonKey: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[\w.:/@+=-]{1,128}$", description="a key of the secret's JSON: up to 128 of A-Z a-z 0-9 _.:/@+=-"),
]


class Secret(Frozen):
    """Where a secret value lies. The value itself is read by the instances alone."""

    secret: SecretName = Field(examples=["shop/database"])
    key: JsonKey | None = None
    """None: the whole secret."""
    create: bool = Field(default=False, description="true or false: the stack makes the secret, without a value")

    @rule("secret", "create")
    def _can_be_made(self) -> Iterator[Misfit]:
        if self.create and self.arn:
            yield Misfit("create", True, "nothing beside an ARN, which names a secret that exists")

    @property
    def arn(self) -> bool:
        """Whether the secret is named by ARN."""
        return self.secret.startswith("arn:")


Secrets: TypeAlias = Annotated[
    dict[str, Secret],
    BeforeValidator(_named),
    Field(max_length=100, description=f"an object of up to 100 {_NAMES}; each {{secret: …, key: …}}"),
]


class Worker(Frozen):
    """A service that runs in the active color alone: the release's own image with another command."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="a name of up to 31 of a-z, 0-9 and -, a letter first"),
    ] = Field(examples=["worker"])
    command: kinds.Words = Field(examples=["worker"])
    count: int = kinds.whole(1, 1, 100, "tasks")
    """Of platform `fargate`; on `compose` each instance runs one."""

    @rule("command")
    def _something(self) -> Iterator[Misfit]:
        if not self.command:
            yield Misfit("command", self.command, "a command")

    @rule("name")
    def _a_name_of_its_own(self) -> Iterator[Misfit]:
        if _SERVICE.fullmatch(self.name):
            yield Misfit("name", self.name, "another name: each instance has a service of this one")


def clashes(environment: dict[str, str], secrets: dict[str, Secret], supplied: tuple[str, ...]) -> Iterator[Misfit]:
    """What is named twice: in both, or by what the stack supplies by itself."""
    for name in sorted(environment.keys() & secrets.keys()):
        yield Misfit(f"secrets.{name}", name, "a name that environment doesn't have too")
    for at, names in (("environment", environment), ("secrets", secrets)):
        for name in sorted(set(supplied) & set(names)):
            yield Misfit(f"{at}.{name}", name, "another name: cache sets this one itself")


def oversized(environment: dict[str, str]) -> Iterator[Misfit]:
    """Too much for one bundle."""
    size = sum(len(name) + len(value.encode()) for name, value in environment.items())
    if size > LARGEST:
        yield Misfit("environment", f"{size} bytes", f"up to {LARGEST} bytes in all")
