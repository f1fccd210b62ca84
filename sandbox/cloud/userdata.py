"""What an instance is told to run: the release lines in its user data."""

import base64
import binascii
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass

RELEASE_FILE = "/opt/bluegreen/release.env"
KEYS = ("SERVICE", "STACK", "COLOR", "FILL", "RELEASE", "IMAGE", "PORT", "HEALTH_PATH")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(?P<end>\w+)\1")
_LINE = re.compile(r"BLUEGREEN_(?P<key>[A-Z_]+)=(?P<value>.*)")


class BadUserData(Exception):
    """Why an instance with this user data doesn't serve."""


@dataclass(frozen=True)
class Release:
    service: str
    stack: str
    color: str
    fill: str
    release: str
    image: str
    port: int
    health_path: str


def read_release(user_data: str | None) -> Release:
    """The release that base64-encoded user data writes into RELEASE_FILE. Raises BadUserData."""
    lines = heredoc(script_of(user_data), RELEASE_FILE)
    variables = {match["key"]: match["value"].strip() for line in lines if (match := _LINE.fullmatch(line.strip()))}
    return release_of({f"BLUEGREEN_{key}": value for key, value in variables.items()}, RELEASE_FILE)


def release_of(variables: Mapping[str, str], file: str) -> Release:
    """The release that variables of a file name. Raises BadUserData."""
    found = {key: variables.get(f"BLUEGREEN_{key}", "") for key in KEYS}
    if missing := [f"BLUEGREEN_{key}" for key in KEYS if not found[key]]:
        raise BadUserData(f"{file} lacks {', '.join(missing)}")
    if not found["PORT"].isdigit() or not 0 < int(found["PORT"]) < 65536:
        raise BadUserData(f"BLUEGREEN_PORT is {found['PORT']!r}, not a port number")
    return Release(
        service=found["SERVICE"],
        stack=found["STACK"],
        color=found["COLOR"],
        fill=found["FILL"],
        release=found["RELEASE"],
        image=found["IMAGE"],
        port=int(found["PORT"]),
        health_path=found["HEALTH_PATH"],
    )


def script_of(user_data: str | None) -> str:
    """User data as text. Raises BadUserData."""
    if not user_data:
        raise BadUserData("no user data: nothing was installed")
    try:
        raw = base64.b64decode(user_data, validate=True)
        if raw[:2] == b"\x1f\x8b":  # cloud-init unpacks it too
            raw = gzip.decompress(raw)
        return raw.decode()
    except (binascii.Error, OSError, EOFError, UnicodeDecodeError) as error:
        raise BadUserData(f"unreadable user data: {error}") from error


def heredoc(script: str, file: str) -> list[str]:
    """The lines that a script writes into a file. Raises BadUserData."""
    lines = script.splitlines()
    for number, line in enumerate(lines):
        if file in line and (opened := _HEREDOC.search(line)):
            body = lines[number + 1 :]
            ends = [index for index, text in enumerate(body) if text.strip() == opened["end"]]
            if not ends:
                raise BadUserData(f"the heredoc of {file} has no end ({opened['end']})")
            return body[: ends[0]]
    raise BadUserData(f"no release lines: the script writes no {file}")
