"""What AWS refused, in the words that pulumi-aws passes on."""

from __future__ import annotations

from typing import Any

from sandbox.engine.protocol import ProviderError


def error_code(error: Exception) -> str:
    """AWS's code of a client error; empty for any other."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def refusal(doing: str, error: Exception) -> ProviderError:
    """`doing`: what was tried, e.g. "creating EC2 Subnet (subnet-1)"."""
    if isinstance(error, ProviderError):
        return error
    code = error_code(error)
    if code:
        response: Any = getattr(error, "response", {})
        operation = getattr(error, "operation_name", "")
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        message = response["Error"].get("Message", "")
        return ProviderError(
            f"{doing}: operation {operation}, https response error StatusCode: {status}, {code}: {message}"
        )
    return ProviderError(f"{doing}: {type(error).__name__}: {error}")
