"""What an AWS request is about, read from its headers and body: service, region, action, and how errors look to it."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

_READING = ("Describe", "Get", "List", "BatchGet", "Head")
# Services whose state the controllers act upon.
_WATCHED = ("ec2", "autoscaling", "elasticloadbalancing", "ecs", "application-autoscaling")


_SMITHY_PATH = re.compile(r"/service/\w+/operation/(?P<action>\w+)")
# What people call services, where their requests are signed for another name.
_SIGNED_AS = {
    "cloudwatch": "monitoring",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "cloudwatch-logs": "logs",
}


@dataclass(frozen=True)
class AwsRequest:
    """`protocol`: "json", "cbor", "ec2", "query" or "rest". `action` of a "rest" request is its HTTP method."""

    service: str
    action: str
    protocol: str

    @property
    def reads(self) -> bool:
        return self.action.startswith(_READING)

    @property
    def moves_something(self) -> bool:
        return self.service in _WATCHED and not self.reads

    @property
    def throttle_code(self) -> str:
        if self.service == "ec2":
            return "RequestLimitExceeded"
        return "ThrottlingException" if self.protocol == "json" else "Throttling"


def signed_as(service: str) -> str:
    """The name of a service in its requests, by that or by what people call it."""
    return _SIGNED_AS.get(service.lower(), service.lower())


def read(environ: dict[str, Any], body: bytes) -> AwsRequest:
    service = _service(environ.get("HTTP_AUTHORIZATION", ""))
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return AwsRequest(service, target.rpartition(".")[2], "json")
    if operation := _SMITHY_PATH.fullmatch(environ.get("PATH_INFO", "")):
        return AwsRequest(service, operation["action"], "cbor")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        return AwsRequest(service, action, "ec2" if service == "ec2" else "query")
    return AwsRequest(service, environ.get("REQUEST_METHOD", ""), "rest")


def error_body(request: AwsRequest, code: str, message: str) -> tuple[str, bytes]:
    """Content type and body of an error, in the form that the service's clients read."""
    if request.protocol == "cbor":
        return "application/cbor", _cbor_map({"__type": code, "message": message})
    if request.protocol == "json":
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    code, message = escape(code), escape(message)
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    body = {
        "ec2": f"<Response><Errors><Error>{error}</Error></Errors><RequestID>sandbox</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
        "<RequestId>sandbox</RequestId></ErrorResponse>",
        "rest": f"<Error>{error}<RequestId>sandbox</RequestId></Error>",
    }[request.protocol]
    return "text/xml", ('<?xml version="1.0" encoding="UTF-8"?>' + body).encode()


def _cbor_map(texts: dict[str, str]) -> bytes:
    """A short map of texts, as RFC 8949 writes it."""
    body = bytes([0xA0 + len(texts)])
    for text in (part for pair in texts.items() for part in pair):
        encoded = text.encode()
        body += b"\x79" + len(encoded).to_bytes(2, "big") + encoded
    return body


def _service(authorization: str) -> str:
    """From a version 4 signature's scope: Credential=KEY/DATE/REGION/SERVICE/aws4_request."""
    _, _, scope = authorization.partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) == 5 else ""
