"""Stickiness: cookies that say which group or target a client was given, sealed, so that nobody can choose his own."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from email.utils import formatdate

GROUP_COOKIE = "AWSALBTG"
TARGET_COOKIE = "AWSALB"


class Seal:
    """A cookie holds until when it is good and a keyed digest of that and its subject, which it doesn't reveal."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def issue(self, subject: str, seconds: int, now: float | None = None) -> str:
        until = int((time.time() if now is None else now) + seconds)
        return f"{until:x}-{self._digest(subject, until)}"

    def holder(self, value: str, subjects: Iterable[str], now: float | None = None) -> str | None:
        """Which of the subjects it was issued for; None: for none of them, not by us, or no longer good."""
        until, _, digest = value.partition("-")
        try:
            end = int(until, 16)
        except ValueError:
            return None
        if end <= (time.time() if now is None else now):
            return None
        fits = (subject for subject in subjects if hmac.compare_digest(self._digest(subject, end), digest))
        return next(fits, None)

    def _digest(self, subject: str, until: int) -> str:
        return hashlib.blake2s(f"{until}|{subject}".encode(), key=self._key, digest_size=16).hexdigest()


def read(header: str, name: str) -> str | None:
    """One cookie's value out of a Cookie header."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def set_lines(name: str, value: str, seconds: int) -> bytes:
    """The header lines that set it; the second is for requests from other sites, as a load balancer sends it."""
    until = formatdate(time.time() + seconds, usegmt=True)
    plain = f"Set-Cookie: {name}={value}; Expires={until}; Path=/\r\n"
    cors = f"Set-Cookie: {name}CORS={value}; Expires={until}; Path=/; SameSite=None; Secure\r\n"
    return (plain + cors).encode()
