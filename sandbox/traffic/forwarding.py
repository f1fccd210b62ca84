"""The heads that the balancer writes: of a request to its target, of a target's answer to the client. Pure."""

import random
import time

from sandbox.traffic.request import Headers, Request

_TRACE = random.Random()
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


class Framing:
    """How the body of an answer is told from what follows it."""

    NONE, LENGTH, CHUNKED, CLOSE = range(4)


def request_head(request: Request, client: str, proto: bytes, port: int) -> bytes:
    """What the target sees: the request as it came, over HTTP/1.1, and who sent it how.

    X-Forwarded-For is appended to, the port and protocol are ours alone.
    """
    address = client.encode()
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method, request.target)]
    if request.host:
        lines.append(b"Host: %b\r\n" % request.host.encode("latin-1"))
    lines.append(
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Port: %d\r\nX-Amzn-Trace-Id: %b\r\n"
        % (
            request.forwarded_for + b", " + address if request.forwarded_for else address,
            proto,
            port,
            trace_id(request.trace),
        )
    )
    lines += request.passed
    if request.length is not None:
        lines.append(b"Content-Length: %d\r\n" % request.length)
    elif request.chunked:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    if request.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade)
    lines.append(b"\r\n")
    return b"".join(lines)


def trace_id(given: bytes, now: float | None = None) -> bytes:
    """X-Amzn-Trace-Id: a root of our own, or our Self before what the client sent, without an older Self."""
    own = b"1-%08x-%024x" % (int(time.time() if now is None else now), _TRACE.getrandbits(96))
    fields = [field.strip() for field in given.split(b";") if field.strip()]
    if not fields:
        return b"Root=" + own
    kept = [field for field in fields if not field.lower().startswith(b"self=")]
    return b";".join([b"Self=" + own, *kept])


def framing(request: Request, status: int, length: bytes | None) -> int:
    """RFC 9112, 6.3, for our side of it: no chunks to HTTP/1.0 clients, so the end of the connection is the end."""
    if request.method == b"HEAD" or status in (204, 304):
        return Framing.NONE
    if length is not None:
        return Framing.LENGTH
    return Framing.CLOSE if request.http10 else Framing.CHUNKED


def response_head(status: int, reason: bytes, headers: Headers, how: int, *, close: bool, more: bytes = b"") -> bytes:
    """`more`: header lines of our own (stickiness)."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
    listed = frozenset[bytes]()
    for name, value in headers:
        key = name.lower()
        if key == b"connection":
            listed |= {word.strip() for word in value.lower().split(b",")}
        elif key not in _HOP_BY_HOP and not (key == b"content-length" and how == Framing.CHUNKED):
            lines.append(b"%b: %b\r\n" % (name, value))
    if own := listed - {b"", b"close", b"keep-alive", b"upgrade"}:
        lines = [line for line in lines if line.partition(b":")[0].lower() not in own]
    if how == Framing.CHUNKED:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    lines.append(more)
    lines.append(b"Connection: close\r\n\r\n" if close else b"Connection: keep-alive\r\n\r\n")
    return b"".join(lines)


def switching_head(headers: Headers) -> bytes:
    """101 Switching Protocols, with what the target says of it."""
    lines = [b"HTTP/1.1 101 Switching Protocols\r\n"]
    lines += [b"%b: %b\r\n" % pair for pair in headers]
    return b"".join((*lines, b"\r\n"))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
