"""What the balancer answers by itself: fixed responses, redirects, and its errors. Pure."""

from html import escape
from http import HTTPStatus
from urllib.parse import quote

from sandbox.traffic.request import Request, host_and_port
from sandbox.traffic.wire import Action

_PHRASES = {
    463: "Bad Request",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def own(action: Action, request: Request, protocol: str, port: int) -> tuple[bytes, bytes]:
    """The head's lines and the body for an action that isn't to forward."""
    return redirect(action, request, protocol, port) if action.kind == "redirect" else fixed(action)


def whole(status: int, lines: bytes, body: bytes, *, close: bool, bodiless: bool = False) -> bytes:
    """The answer as it is sent. `bodiless`: to HEAD."""
    start = b"HTTP/1.1 %d %b\r\n" % (status, phrase(status).encode())
    end = b"Content-Length: %d\r\nConnection: %b\r\n\r\n" % (len(body), b"close" if close else b"keep-alive")
    return start + lines + end + (b"" if bodiless else body)


def phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def error(status: int, why: str = "") -> tuple[bytes, bytes]:
    """The head's own lines and the body of an error page. `why` is for who asks the sandbox's proxy wrongly."""
    title = f"{status} {phrase(status)}"
    more = f"<p>{escape(why)}</p>\r\n" if why else ""
    head = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    page = f"{head}<center><h1>{title}</h1></center>\r\n{more}</body>\r\n</html>\r\n"
    return b"Server: awselb/2.0\r\nContent-Type: text/html\r\n", page.encode()


def fixed(action: Action) -> tuple[bytes, bytes]:
    kind = action.content_type or "text/plain"
    return f"Server: awselb/2.0\r\nContent-Type: {kind}; charset=utf-8\r\n".encode(), action.body.encode()


def redirect(action: Action, request: Request, protocol: str, port: int) -> tuple[bytes, bytes]:
    location = redirect_url(action.location, request, protocol, port)
    head, page = error(action.status)
    return head + f"Location: {location}\r\n".encode("latin-1"), page


def redirect_url(template: str, request: Request, protocol: str, port: int) -> str:
    """The template with #{protocol} #{host} #{port} #{path} #{query} filled in; #{path} is without its first slash.

    A query that is empty takes its question mark along.
    """
    name, own_port = host_and_port(request.host, port)
    parts = {"protocol": protocol.lower(), "host": name, "port": str(own_port)}
    parts |= {"path": request.path.removeprefix("/"), "query": request.query}
    for key, value in parts.items():
        template = template.replace(f"#{{{key}}}", value)
    return quote(template.removesuffix("?"), safe=":/?#[]@!$&'()*+,;=%~-._")
