"""A client's request as the balancer sees it: its head, sorted in one pass into what counts and what is passed on."""

from urllib.parse import urlsplit

# A load balancer's limits, in bytes.
MAX_REQUEST_LINE = 16 * 1024
MAX_HEADER = 16 * 1024
MAX_HEADERS = 64 * 1024

MAX_FORWARDED_FOR = 30

Headers = list[tuple[bytes, bytes]]

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
_OUR_OWN = frozenset(
    (
        *(b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port", b"x-amzn-trace-id"),
        *(b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"expect"),
        *(b"content-length", b"transfer-encoding"),
    )
)


class BadRequest(Exception):
    """What the balancer answers itself: `status` and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Request:
    """`passed` are the header lines that go to a target as they came. `length` is None without Content-Length."""

    __slots__ = (
        *("chunked", "cookie", "expects_continue", "forwarded_for", "headers", "host", "http10", "keep_alive"),
        *("length", "method", "passed", "path", "query", "scheme", "target", "trace", "upgrade"),
    )

    def __init__(self, method: bytes, url: bytes, headers: Headers, *, http10: bool, keep_alive: bool) -> None:
        """Raises BadRequest."""
        self.method = method
        self.headers = headers
        self.http10 = http10
        self.keep_alive = keep_alive
        self.host = self.scheme = ""
        self.length: int | None = None
        self.forwarded_for = self.trace = self.cookie = self.upgrade = b""
        self.chunked = self.expects_continue = False
        self.passed: list[bytes] = []
        self._sort(headers)
        self._locate(url)

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    @property
    def may_repeat(self) -> bool:
        return self.method in IDEMPOTENT and not self.has_body

    def values(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]

    def _sort(self, headers: Headers) -> None:
        hosts = 0
        listed = upgrade = b""
        for name, value in headers:
            key = name.lower()
            if key not in _OUR_OWN:
                if key == b"cookie":
                    self.cookie = self.cookie + b"; " + value if self.cookie else value
                self.passed.append(b"%b: %b\r\n" % (name, value))
            elif key == b"host":
                hosts += 1
                self.host = value.decode("latin-1")
            elif key == b"content-length":
                self.length = int(value)
            elif key == b"transfer-encoding":
                self.chunked = True
            elif key == b"x-forwarded-for":
                self.forwarded_for = self.forwarded_for + b", " + value if self.forwarded_for else value
            elif key == b"x-amzn-trace-id":
                self.trace = value
            elif key == b"connection":
                listed += b"," + value.lower()
            elif key == b"upgrade":
                upgrade = value
            elif key == b"expect":
                self.expects_continue = value.lower() == b"100-continue"
        if hosts > 1 or (not hosts and not self.http10):
            raise BadRequest(400, "one Host header is needed")
        if self.forwarded_for.count(b",") >= MAX_FORWARDED_FOR:
            raise BadRequest(463, "too many addresses in X-Forwarded-For")
        if listed:
            self._hop_by_hop(listed, upgrade)

    def _hop_by_hop(self, listed: bytes, upgrade: bytes) -> None:
        names = {name.strip() for name in listed.split(b",")}
        # Only these two can be passed through; h2c is between a client and its next hop.
        if b"upgrade" in names and upgrade.lower() != b"h2c":
            self.upgrade = upgrade
        if own := names - {b"", b"close", b"keep-alive", b"upgrade", b"te"}:
            self.passed = [line for line in self.passed if line.partition(b":")[0].lower() not in own]

    def _locate(self, url: bytes) -> None:
        if not url.startswith(b"/"):
            url = self._absolute(url)
        self.target = url
        path, _, query = url.partition(b"?")
        self.path = path.decode("latin-1")
        self.query = query.decode("latin-1")

    def _absolute(self, url: bytes) -> bytes:
        """A request in absolute form names its host by its URL (RFC 9112, 3.2.2)."""
        if self.method == b"CONNECT" or url == b"*":
            return url
        try:
            parts = urlsplit(url.decode("ascii"))
            if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
                raise ValueError
            self.scheme, self.host = parts.scheme.lower(), parts.netloc.rpartition("@")[2]
        except ValueError as error:
            raise BadRequest(400, "the request's target is neither a path nor a URL") from error
        return (f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/").encode("ascii")


def host_and_port(host: str, default: int) -> tuple[str, int]:
    """Of a Host header, the name in lower case. A port that is none counts as the default."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and not name.endswith(":"):
        return name.lower(), int(port)
    return host.lower(), default
