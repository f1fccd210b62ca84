"""The kinds of values that settings are made of, each with what it allows. Pure; imports no Pulumi.

A kind's `description` is the text that an error shows as what is allowed. The numbers are AWS's own limits, read in
the API references named beside them.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from infra.images import ImageError, parse_image

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)?")
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
        if not 1 <= len(key) <= 128 or len(text) > 256 or key.lower().startswith(("aws:", "bluegreen:")):
            raise ValueError(f"tag {key!r}")
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def whole(default: int | None, least: int, most: int, of: str = "") -> Any:
    """A field for a whole number within two bounds, both allowed."""
    allowed = f"a whole number from {least} to {most}{' ' + of if of else ''}"
    return Field(default=default, ge=least, le=most, description=allowed)


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
Tags: TypeAlias = Annotated[
    dict[str, str],
    AfterValidator(_tags),
    # 50 tags on a resource (AWS tagging limits); this program sets up to seven itself.
    Field(
        max_length=40,
        description="up to 40 tags, keys of 1 to 128 and values of up to 256 characters, "
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
