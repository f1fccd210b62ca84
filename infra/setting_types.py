"""The kinds of values that settings are made of, each with what it allows. Pure; imports no Pulumi.

A kind's `description` is the text that an error shows as what is allowed. The numbers are AWS's own limits, read in
the API references named beside them.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from infra.images import ImageError, parse_image

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)?")
# Keys that instance metadata can show: without blanks and slashes (EC2 user guide); with others nothing is launched.
_TAG_KEY = re.compile(r"(?!\.{1,2}$|_index$)[\w+=.,:@-]{1,128}")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: object) -> int:
    """Seconds of a duration such as `90`, `90s`, `5m`, `1h` or `2d`. Raises ValueError."""
    match = _DURATION.fullmatch(str(text).strip())
    if match is None or isinstance(text, bool):
        raise ValueError("not a duration")
    return int(match[1]) * _UNITS[match[2] or "s"]


def _network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


def _network_v4(value: str) -> str:
    if not 16 <= ipaddress.IPv4Network(value).prefixlen <= 28:
        raise ValueError("not between /16 and /28")
    return value


def _image(value: str) -> str:
    try:
        parse_image(value)
    except ImageError as error:
        raise ValueError(str(error)) from None
    return value


def _tags(value: dict[str, str]) -> dict[str, str]:
    for key, text in value.items():
        if not _TAG_KEY.fullmatch(key) or len(text) > 256 or key.lower().startswith(("aws:", "bluegreen:")):
            raise ValueError(f"tag {key!r}")
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _no_truth(value: Any) -> Any:
    # Python takes true for 1.
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _words(value: str) -> str:
    if value and not shlex.split(value):
        raise ValueError("no word")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    local = parts.hostname in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", parts.hostname or "")
    _ = parts.port  # raises ValueError where it is none
    if not parts.hostname or parts.username is not None or not (parts.scheme == "https" or local):
        raise ValueError("not an address that a message may be sent to")
    return value


def whole(default: int | None, least: int, most: int, of: str = "") -> Any:
    """A field for a whole number within two bounds, both allowed."""
    allowed = f"a whole number from {least} to {most}{' ' + of if of else ''}"
    return Field(default=default, ge=least, le=most, description=allowed)


def number(default: float, least: float, most: float, of: str) -> Any:
    """A field for a number within two bounds, both allowed."""
    allowed = f"a number from {least} to {most} {of}"
    return Field(default=default, ge=least, le=most, allow_inf_nan=False, description=allowed)


def span(default: int, least: int, most: int) -> Any:
    """A field for a duration within two bounds, both allowed."""
    return Field(default=default, ge=least, le=most, description=f"a duration from {least} s to {most} s")


Cidr: TypeAlias = Annotated[str, AfterValidator(_network), Field(description="a CIDR block such as 203.0.113.0/24")]
VpcCidr: TypeAlias = Annotated[
    str, AfterValidator(_network_v4), Field(description="an IPv4 CIDR block between /16 and /28 (EC2 CreateVpc)")
]
Image: TypeAlias = Annotated[
    str,
    AfterValidator(_image),
    Field(
        description="shop:1.8.0 (this account's ECR), an ECR address with a tag or digest, or another registry's "
        "image with its sha256 digest"
    ),
]
Duration: TypeAlias = Annotated[
    int, BeforeValidator(seconds_of), Field(description="a duration such as 0, 90s, 5m, 1h")
]
Seconds: TypeAlias = Annotated[int, BeforeValidator(seconds_of)]
"""A duration whose bounds its field names."""
Tags: TypeAlias = Annotated[
    dict[str, str],
    AfterValidator(_tags),
    # 50 tags on a resource (AWS tagging limits); this program sets up to seven itself.
    Field(
        max_length=40,
        description="up to 40 tags, keys of 1 to 128 letters, digits and +-=.,_:@ and values of up to 256 characters, "
        "none beginning with aws: or bluegreen:",
    ),
]
Certificate: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(acm|iam):[a-z0-9-]*:\d{12}:[\w/+=,.@-]+$",
        description="the ARN of an ACM or IAM certificate",
    ),
]
InstanceType: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", description="an EC2 instance type such as t3.medium")
]
AmiId: TypeAlias = Annotated[
    str, Field(pattern=r"^ami-[0-9a-f]{8,17}$", description="an AMI id such as ami-0123456789abcdef0")
]
VpcId: TypeAlias = Annotated[
    str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$", description="a VPC id such as vpc-0123456789abcdef0")
]
SubnetId: TypeAlias = Annotated[
    str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$", description="a subnet id such as subnet-0123456789abcdef0")
]
HealthPath: TypeAlias = Annotated[
    # No sign that could end a word in a shell script or an environment file.
    str,
    Field(
        pattern=r"^/[A-Za-z0-9_.~/:@!,;=?&+*()-]{0,1023}$",
        description="a path of up to 1024 characters that begins with /, without blanks, quotes, $ and %",
    ),
]
Matcher: TypeAlias = Annotated[
    str,
    BeforeValidator(_text),
    Field(
        pattern=r"^[234]\d\d([,-][234]\d\d)*$",
        description="HTTP codes from 200 to 499: 200, 200,202 or 200-299 (ELBv2 Matcher)",
    ),
]
# An ALB rule's path and host values: up to 128 characters, * and ? as wildcards (ELBv2 RuleCondition).
PathPattern: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^/[A-Za-z0-9_.$/~\"'@:+&*?-]{0,127}$",
        description="a path pattern that begins with /, as /* or /shop/*",
    ),
]
HostPattern: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9.*?-]{1,128}$", description="a host name, * and ? as wildcards")
]
Share: TypeAlias = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=99)]
Bake: TypeAlias = Annotated[
    int, BeforeValidator(seconds_of), Field(le=86400, description="a duration from 0 to 24h, such as 90s, 5m or 1h")
]
Words: TypeAlias = Annotated[
    str,
    AfterValidator(_words),
    Field(max_length=1000, pattern=r"^[^\x00-\x1f]*$", description='a command line such as ./smoke.sh --fast "a word"'),
]
AlarmName: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,255}$", description="the name of an alarm")]
Topic: TypeAlias = Annotated[
    # A CloudWatch alarm can't notify a FIFO topic, whose name would end in .fifo.
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$",
        description="the ARN of an SNS topic such as arn:aws:sns:eu-central-1:111122223333:releases, no FIFO topic",
    ),
]
Address: TypeAlias = Annotated[
    str,
    AfterValidator(_address),
    Field(
        pattern=r"^https?://[!-~]{1,2000}$",
        description="an https address without user name (http only to this machine: localhost, 127.0.0.1, [::1])",
    ),
]
# What PutRetentionPolicy takes.
_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _kept(days: int) -> int:
    if days not in _DAYS:
        raise ValueError("no such retention")
    return days


Retention: TypeAlias = Annotated[
    int, AfterValidator(_kept), Field(description=f"days, one of {', '.join(map(str, _DAYS))}")
]
