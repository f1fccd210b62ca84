"""What a release's bundle says, read as an instance reads it: stub, files, Compose services, secrets. Pure."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from sandbox.cloud import env_files
from sandbox.cloud.userdata import BadUserData, Release, heredoc, release_of

STUB_FILE = "/opt/bluegreen/stub.env"
STUB_KEYS = ("BUNDLE_BUCKET", "BUNDLE_KEY", "BUNDLE_VERSION", "BUNDLE_SHA256", "REGION", "HOOK", "LOG_GROUP")
FOLDER = "/opt/bluegreen/release/"
SECRETS_ENV = "/run/bluegreen/secrets/secrets.env"
INSTANCE_ENV = "/opt/bluegreen/instance.env"
READY_SECONDS = 300.0  # where the boot script names no time
_READY = re.compile(r"deadline=\$\(\(SECONDS \+ (\d+)\)\)")
_ROLE = re.compile(r"^readonly POLL=\d+ RECORD=(\S+) COLOR=(\S+) FILL=(\d+)$", re.MULTILINE)
_CODES = re.compile(r"^readonly CODES=\(([\d\s-]+)\)$", re.MULTILINE)


class BadBundle(Exception):
    """Why a boot can't go on; `step` is where, in the boot script's words."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step, self.reason = step, reason


@dataclass(frozen=True)
class Stub:
    """Where the bundle lies, and whom to tell how the boot went."""

    bucket: str
    key: str
    version: str
    sha256: str
    region: str
    hook: str
    log_group: str


@dataclass(frozen=True)
class Wanted:
    """A secret that becomes a variable; `key` in its JSON, or "" for the whole."""

    env: str
    secret: str
    key: str = ""


@dataclass(frozen=True)
class Poller:
    """What runs the workers `names`: where the release record lies, and whose turn it has to say."""

    record: str
    color: str
    fill: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Bundle:
    """`images`: every one that Compose pulls. `env_files`: what the app's services read, with their text."""

    release: Release
    images: tuple[str, ...]
    replicas: int
    variables: tuple[str, ...]
    secrets: tuple[Wanted, ...]
    ready_seconds: float = READY_SECONDS
    accepted: tuple[str, ...] = field(default=("200",))
    poller: Poller | None = None


def read_stub(script: str) -> Stub | None:
    """The stub's lines; None where a script has none: then it is one that does everything itself. Raises BadBundle."""
    if STUB_FILE not in script:
        return None
    try:
        lines = heredoc(script, STUB_FILE)
    except BadUserData as error:
        raise BadBundle("stub", str(error)) from error
    found = {line.partition("=")[0].removeprefix("BLUEGREEN_"): line.partition("=")[2].strip() for line in lines}
    if missing := [f"BLUEGREEN_{key}" for key in STUB_KEYS if not found.get(key)]:
        raise BadBundle("stub", f"{STUB_FILE} lacks {', '.join(missing)}")
    return Stub(*(found[key] for key in STUB_KEYS))


def unpack(raw: bytes, stub: Stub) -> dict[str, str]:
    """The files, by name. Raises BadBundle."""
    if hashlib.sha256(raw).hexdigest() != stub.sha256:
        raise BadBundle("bundle", f"the bundle {stub.key} isn't the one of this release: its checksum differs")
    files: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as packed:
            for member in packed:
                if member.isfile() and (held := packed.extractfile(member)) is not None:
                    files[member.name.removeprefix("./")] = held.read().decode()
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise BadBundle("bundle", f"the bundle {stub.key} can't be unpacked: {error}") from error
    for name in ("boot.sh", "compose.yaml", "release.env"):
        if name not in files:
            raise BadBundle("bundle", f"the bundle {stub.key} has no {name}")
    return files


def read(files: Mapping[str, str]) -> Bundle:
    """What the instance is to run. Raises BadBundle."""
    try:
        release = release_of(env_files.parse(files["release.env"], "release.env"), "release.env")
    except (BadUserData, env_files.BadEnvFile) as error:
        raise BadBundle("bundle", str(error)) from error
    services = _services(files["compose.yaml"])
    apps = [each for each in services.values() if each.get("image") == release.image and not each.get("profiles")]
    if not apps:
        raise BadBundle("start", f"compose.yaml: no service runs {release.image}")
    replicas = sum(_replicas(each) for each in apps)
    if replicas < 1:
        raise BadBundle("start", "compose.yaml: no replica of the app is wanted")
    script = files["boot.sh"]
    ready, codes = _READY.search(script), _CODES.search(script)
    return Bundle(
        release=release,
        images=tuple(dict.fromkeys(str(each["image"]) for each in services.values())),
        replicas=replicas,
        variables=tuple(sorted({name for each in apps for name in _variables(each, files)})),
        secrets=_secrets(files.get("secrets.json", "[]")),
        ready_seconds=float(ready[1]) if ready else READY_SECONDS,
        accepted=tuple(codes[1].split()) if codes else ("200",),
        poller=_poller(files, services),
    )


def _poller(files: Mapping[str, str], services: Mapping[str, Mapping[str, Any]]) -> Poller | None:
    """None where the release has no workers, or nothing that starts them."""
    found = _ROLE.search(files.get("active-only.sh", ""))
    names = tuple(name for name, each in services.items() if "active-only" in (each.get("profiles") or ()))
    return Poller(found[1], found[2], int(found[3]), names) if found and names else None


def _services(text: str) -> dict[str, dict[str, Any]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadBundle("start", f"compose.yaml can't be read: {' '.join(str(error).split())}") from error
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not services:
        raise BadBundle("start", "compose.yaml: no service selected")
    for name, service in services.items():
        if not isinstance(service, dict) or not isinstance(service.get("image"), str):
            raise BadBundle(
                "start", f'compose.yaml: service "{name}" has neither an image nor a build context specified'
            )
    return services


def _replicas(service: Mapping[str, Any]) -> int:
    wanted = (service.get("deploy") or {}).get("replicas", service.get("scale", 1))
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise BadBundle("start", f"compose.yaml: replicas must be an integer, not {wanted!r}")
    return wanted


def _variables(service: Mapping[str, Any], files: Mapping[str, str]) -> set[str]:
    """Names that the service's containers get, but for those of secrets. Raises BadBundle."""
    names: set[str] = set()
    given = service.get("env_file") or []
    for each in given if isinstance(given, list) else [given]:
        path, required = (each.get("path"), each.get("required", True)) if isinstance(each, dict) else (each, True)
        local = str(path).removeprefix(FOLDER).removeprefix("./")
        if path in (SECRETS_ENV, INSTANCE_ENV):
            continue
        if local not in files:
            if required:
                raise BadBundle("start", f"env file {path} not found: stat {FOLDER}{local}: no such file or directory")
            continue
        try:
            names |= env_files.parse(files[local], local).keys()
        except env_files.BadEnvFile as error:
            raise BadBundle("start", str(error)) from error
    environment = service.get("environment") or {}
    if isinstance(environment, list):
        environment = {each.partition("=")[0]: None for each in environment}
    return names | {str(name) for name in environment}


def _secrets(text: str) -> tuple[Wanted, ...]:
    try:
        return tuple(Wanted(each["env"], each["secret"], each.get("key") or "") for each in json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise BadBundle("secrets", f"secrets.json can't be read: {type(error).__name__}") from error
