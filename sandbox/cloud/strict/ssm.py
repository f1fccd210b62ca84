"""Parameters: values too long for their tier, patterns not met, names and types that AWS refuses."""

import re
from typing import Any

from moto.ssm.models import SimpleSystemManagerBackend

from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

LIMITS = {"Standard": 4096, "Advanced": 8192}  # bytes
MOST_LEVELS = 15
_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")


def install(seam: Seam) -> None:
    @seam.around(SimpleSystemManagerBackend, "put_parameter")
    def put_parameter(
        original: Any,
        backend: Any,
        name: str,
        description: str,
        value: str,
        parameter_type: str,
        *rest: Any,
        **named: Any,
    ) -> Any:
        _check_name(name)
        _check_length(value, named.get("tier") or "Standard")
        pattern = rest[0] if rest else named.get("allowed_pattern")
        if pattern and not re.search(pattern, value):
            raise Refused(
                "ParameterPatternMismatchException",
                f"Parameter value, {value}, failed to satisfy constraint: it must match the pattern {pattern}",
            )
        held = backend._parameters.get(name)
        if held and parameter_type and held[-1].parameter_type != parameter_type and (rest[2:3] or [False])[0]:
            raise Refused(
                "HierarchyTypeMismatchException",
                f"Parameter Store does not support changing a parameter type: {name} is a {held[-1].parameter_type}",
            )
        return original(backend, name, description, value, parameter_type, *rest, **named)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Refused(
            "ValidationException",
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_",
        )
    if "/" in name and not name.startswith("/"):
        raise Refused("ValidationException", "Parameter name must be a fully qualified name.")
    if name.count("/") > MOST_LEVELS:
        raise Refused(
            "HierarchyLevelLimitExceededException", f"A hierarchy can have a maximum of {MOST_LEVELS} levels."
        )


def _check_length(value: str, tier: str) -> None:
    size = len((value or "").encode())
    if tier == "Standard" and size > LIMITS["Standard"]:
        raise Refused(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier.",
        )
    if tier != "Standard" and size > LIMITS["Advanced"]:
        raise Refused(
            "ValidationException", "Advanced tier parameters support a maximum parameter value of 8192 characters."
        )
