"""What an instance fetches at its first start: the files of one release, packed into the same bytes each time.

Pure; imports no Pulumi. The stub in the launch template names the bundle by version and checksum, and all else by what
only the stack knows (bucket, region, hook, log group), so the bundle depends on the release alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache

from infra import env_file
from infra.agent_config import agent_config
from infra.compose_file import ALIVE_PORT, compose_file, servers
from infra.compose_release import BUNDLE, INSTANCE_PORT, ComposeRelease, Secret, Worker
from infra.rendering import RenderingError, render, source

TEMPLATES = (
    "stub.sh.j2",
    "report.sh.j2",
    "boot.sh.j2",
    "nginx.conf.j2",
    "fetch_secrets.py",
    "bluegreen.service.j2",
    "bluegreen-secrets.service.j2",
    "bluegreen-active.service.j2",
    "active-only.sh.j2",
    "run-once.sh.j2",
)
_GITHUB = "https://github.com/docker/compose/releases/download/v{}"
_SAMPLE = ComposeRelease(
    service="service",
    stack="stack",
    color="blue",
    fill=1,
    release="r",
    image=f"registry.example/service@sha256:{'0' * 64}",
    app_port=8000,
    health_path="/health/deep",
    environment={"NAME": '\\ " $ \n \r \t'},
    secrets=(Secret("SECRET", "secret", "key"),),
    workers=(Worker("worker", ("work",)),),
)
_KEPT = 512
"""MiB of an instance's memory that its system, the engine and nginx keep."""
_WAIT = 300
"""Seconds that Compose waits for its containers to run."""
_WORKER = re.compile(r"(?!(?:app\d*|nginx|run-once)$)[a-z][a-z0-9-]{0,30}")
_WORD = re.compile(r"[A-Za-z0-9._/:+=@,-]+")
_EXECUTABLE = 0o755


@dataclass(frozen=True)
class Place:
    """What the stub has to know: where the bundle lies, and who waits for the instance."""

    bucket: str
    key: str
    version: str
    """The object's version id."""
    sha256: str
    region: str
    hook: str
    """The lifecycle hook's name."""
    log_group: str


def sources() -> dict[str, str]:
    """What reaches a release besides its values, for its digest: every template, and how the modules here render a
    release that has one of everything. A change of theirs that makes other files is another release."""
    return {**{name: source(name) for name in TEMPLATES}, **_sample()}


@cache
def _sample() -> dict[str, str]:
    return {f"sample/{name}": text for name, text in files(_SAMPLE).items()}


def check(release: ComposeRelease) -> None:
    """Raises RenderingError for values that can't be rendered safely."""
    _rendered(release)


def files(release: ComposeRelease) -> dict[str, str]:
    """Text by name. Raises RenderingError for values that can't be rendered safely."""
    # The one text for which there is no template: YAML's own writer takes any value, and a tenth of a second.
    return dict(sorted({**_rendered(release), "compose.yaml": compose_file(release)}.items()))


def _rendered(release: ComposeRelease) -> dict[str, str]:
    _check(release)
    try:
        app_env = env_file.rendered(release.environment)
    except env_file.UnfitVariable as error:
        raise RenderingError(f"environment: {error}") from None
    found = {
        "boot.sh": _boot(release),
        "nginx.conf": nginx(release),
        "release.env": _release_env(release),
        "app.env": app_env,
        "secrets.json": json.dumps([asdict(secret) for secret in release.secrets], indent=2) + "\n",
        "fetch_secrets.py": source("fetch_secrets.py"),
        "agent.json": agent_config(release),
        "bluegreen.service": render(
            "bluegreen.service.j2",
            service=release.service,
            release=release.release,
            wait=_WAIT,
            stop=2 * release.stop_grace + 20,
        ),
        "bluegreen-secrets.service": render("bluegreen-secrets.service.j2", service=release.service),
        "run-once.sh": render("run-once.sh.j2", image=release.image),
    }
    if release.workers:
        found["active-only.sh"] = render(
            "active-only.sh.j2",
            record=release.record_parameter,
            color=release.color,
            fill=release.fill,
            names=tuple(worker.name for worker in release.workers),
        )
        found["bluegreen-active.service"] = render("bluegreen-active.service.j2", service=release.service)
    return found


def packed(texts: Mapping[str, str]) -> bytes:
    """A tar.gz with nothing in it that depends on when, where or by whom it was made."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in sorted(texts.items()):
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), _EXECUTABLE if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return _gzipped(tar.getvalue())


def _gzipped(data: bytes) -> bytes:
    """In stored blocks, by hand: how zlib packs, and what Python writes into the header, differs between their
    versions, and the same release would be another bundle on another machine."""
    longest = 0xFFFF
    blocks = [
        struct.pack("<BHH", at + longest >= len(data), len(part), len(part) ^ longest) + part
        for at in range(0, len(data), longest)
        for part in [data[at : at + longest]]
    ]
    header = b"\x1f\x8b\x08\0" + bytes(5) + b"\xff"
    return header + b"".join(blocks) + struct.pack("<II", zlib.crc32(data), len(data))


def checksum(bundle: bytes) -> str:
    """SHA-256 in hex, as the stub compares it."""
    return hashlib.sha256(bundle).hexdigest()


def stub(place: Place) -> str:
    """The user data script. Raises RenderingError for a name that can't stand in it."""
    for name, value in asdict(place).items():
        if not _WORD.fullmatch(value):
            raise RenderingError(f"{name}: {value!r} can't stand in the stub, which reads it as a shell does")
    return render("stub.sh.j2", **asdict(place))


def nginx(
    release: ComposeRelease,
    *,
    listen: str = str(INSTANCE_PORT),
    alive: str = f"127.0.0.1:{ALIVE_PORT}",
    run: str = "/tmp",
    access_log: str = "/dev/stdout",
    error_log: str = "/dev/stderr",
    upstreams: tuple[str, ...] = (),
) -> str:
    """nginx's configuration; what is beside the release says where it runs."""
    return render(
        "nginx.conf.j2",
        servers=upstreams or tuple(servers(release)),
        listen=listen,
        alive=alive,
        run=run,
        access_log=access_log,
        error_log=error_log,
        stop_grace=release.stop_grace,
        idle_timeout=release.idle_timeout,
        health_path=release.health_path.partition("?")[0],
    )


def _boot(release: ComposeRelease) -> str:
    plugin = release.plugin
    mirror = plugin.mirror or _GITHUB.format(plugin.version)
    if plugin.mirror == BUNDLE:
        mirror = f"s3://@BUCKET@/tools/v{plugin.version}"
    config = {"credHelpers": dict.fromkeys(release.registries, "ecr-login")} if release.registries else {}
    ready = render(
        "boot.sh.j2",
        port=INSTANCE_PORT,
        health_path=release.health_path,
        health_codes=tuple(_ranges(release.matcher)),
        matcher=release.matcher,
        ready_seconds=release.ready_seconds,
        helper=int(bool(release.registries)),
        docker_config="@CONFIG@",
        sums=tuple(f"{arch}={digest}" for arch, digest in sorted(plugin.sums.items())),
        mirror=mirror,
        version=plugin.version,
        kept=_KEPT,
        parts=release.replicas + len(release.workers),
        workers=tuple(worker.name for worker in release.workers),
    )
    # Signs that `render` lets no value carry: both texts are our own.
    return ready.replace("@CONFIG@", json.dumps(config)).replace("@BUCKET@", "$BLUEGREEN_BUNDLE_BUCKET")


def _release_env(release: ComposeRelease) -> str:
    values = {
        "SERVICE": release.service,
        "STACK": release.stack,
        "COLOR": release.color,
        "FILL": release.fill,
        "RELEASE": release.release,
        "IMAGE": release.image,
        "PORT": INSTANCE_PORT,
        "HEALTH_PATH": release.health_path,
    }
    return "".join(f"BLUEGREEN_{name}={value}\n" for name, value in values.items())


def _ranges(matcher: str) -> Iterator[str]:
    """The status codes of a health check, as ranges: `200,301-302` is 200-200 and 301-302."""
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        yield f"{first}-{last or first}"


def _check(release: ComposeRelease) -> None:
    """What would be rendered without a word and break an instance."""
    names = [worker.name for worker in release.workers]
    for name in names:
        if not _WORKER.fullmatch(name):
            raise RenderingError(
                f"worker {name!r}: a name of a-z, 0-9 and -, and none of nginx, run-once and app1, app2, …"
            )
    if len(set(names)) != len(names):
        raise RenderingError(f"workers {names}: a name is given twice")
    for worker in release.workers:
        if not worker.command or any("\0" in word for word in worker.command):
            raise RenderingError(f"worker {worker.name}: no command that can be run")
    seen = set(release.environment)
    for secret in release.secrets:
        if why := env_file.refusal(secret.env):
            raise RenderingError(f"secrets: {why}")
        if secret.env in seen:
            raise RenderingError(f"secrets: {secret.env} is set twice")
        seen.add(secret.env)
    if "@sha256:" not in release.image or "@sha256:" not in release.proxy_image:
        raise RenderingError("an image without its digest: what runs would depend on when it was pulled")
