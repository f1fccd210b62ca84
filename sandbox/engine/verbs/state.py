"""`pulumi stack`, and its output / history / export / import."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.engine import checkpoint, config, lock, shape, values
from sandbox.engine import urn as urns
from sandbox.engine.arguments import Arguments
from sandbox.engine.checkpoint import Codec, CorruptCheckpoint, Snapshot
from sandbox.engine.failure import CommandFailed
from sandbox.engine.protocol import UNKNOWN, Properties, ResourceRef, Secret
from sandbox.engine.session import Session
from sandbox.engine.verbs import lists
from sandbox.engine.verbs.stacks import save


def show(session: Session, arguments: Arguments) -> None:
    if "show-name" in arguments:
        session.out(session.stack)
        return
    state = session.state or {}
    resources = state.get("resources") or []
    manifest = state.get("manifest") or {}
    session.out(f"Current stack is {session.stack}:\n    Managed by {socket.gethostname()}")
    if time := manifest.get("time"):
        stamp = time.replace("T", " ").replace("Z", " +0000 UTC")
        session.out(f"    Last updated: {lists.ago(time)} ({stamp})")
        session.out(f"    Pulumi version used: {manifest.get('version', '')}")
    session.out(f"Current stack resources ({len(resources)}):")
    if resources:
        session.out("\n".join(lists.columns([("TYPE", "NAME"), *lists.tree(resources)], indent=4)))
        if any(entry["type"] == urns.STACK_TYPE and entry.get("outputs") for entry in resources):
            session.out("")
            output(session, arguments)
    else:
        session.out("    No resources currently in this stack")
    session.out("\nUse `pulumi stack select` to change stack; `pulumi stack ls` lists known ones")


def output(session: Session, arguments: Arguments) -> None:
    show = "show-secrets" in arguments
    outputs = {key: _plain(value, show) for key, value in sorted(_stack_outputs(session).items())}
    if arguments.positional:
        name = arguments.positional[0]
        if name not in outputs:
            raise CommandFailed(f"current stack does not have output property '{name}'")
        value = outputs[name]
        is_text = isinstance(value, str) and "json" not in arguments
        session.out(value if is_text else json.dumps(value, indent=2, ensure_ascii=False))
    elif "json" in arguments:
        session.out(json.dumps(outputs, indent=2, ensure_ascii=False))
    elif not outputs:
        session.out("Current stack outputs (0):\n    No output values currently in this stack")
    else:
        width = max(map(len, outputs))
        session.out(f"Current stack outputs ({len(outputs)}):\n    {'OUTPUT':{width}}  VALUE")
        for name, value in outputs.items():
            compact = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            text = value if isinstance(value, str) else compact
            session.out(f"    {name:{width}}  {text}")


def _stack_outputs(session: Session) -> Properties:
    entries = (session.state or {}).get("resources") or ()
    for entry in entries:
        if entry["type"] == urns.STACK_TYPE and not entry.get("delete"):
            has_secrets = values.SECRET in json.dumps(entry.get("outputs"))
            codec = session.codec() if has_secrets else Codec(None)
            found: Properties = codec.decode_value(entry.get("outputs") or {})
            return found
    return {}


def _plain(value: Any, show: bool) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value, show) if show else config.HIDDEN
    if value is UNKNOWN:
        return values.UNKNOWN_STRING
    if isinstance(value, ResourceRef):
        return value.urn if value.id is None else value.id
    if isinstance(value, dict):
        return {key: _plain(item, show) for key, item in value.items()}
    return [_plain(item, show) for item in value] if isinstance(value, list) else value


def history(session: Session, arguments: Arguments) -> None:
    files = session.backend.history(session.project.name, session.stack)
    size, page = int(arguments.one("page-size", "0")), max(1, int(arguments.one("page", "1")))
    if size:
        files = files[(page - 1) * size : page * size]
    entries = [_entry(session, json.loads(file.read_text()), "show-secrets" in arguments) for file in files]
    if "json" in arguments:
        session.out(json.dumps(entries, indent=2, ensure_ascii=False))
        return
    for entry in entries:
        session.out("\n".join(lists.update(entry)))


def _entry(session: Session, entry: dict[str, Any], show: bool) -> dict[str, Any]:
    def decrypt(ciphertext: str) -> str:
        return session.crypter.decrypt(ciphertext)

    shown = {}
    for key, node in (entry.get("config") or {}).items():
        value = config.value_of(node, decrypt if show else lambda _: config.HIDDEN)
        about: dict[str, Any] = {} if value.secret and not show else {"value": value.text}
        if value.is_object and about:
            about["objectValue"] = value.plain
        shown[key] = {**about, "secret": value.secret}
    told = {
        "version": entry.get("version", 0),
        "kind": entry["kind"],
        "startTime": _stamp(entry["startTime"]),
        "message": entry.get("message", ""),
        "environment": entry.get("environment") or {},
        "config": shown,
        "result": entry["result"],
    }
    if entry["result"] != "in-progress":
        told["endTime"] = _stamp(entry["endTime"])
        told["resourceChanges"] = entry.get("resourceChanges") or {}
    return told


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def export(session: Session, arguments: Arguments) -> None:
    deployment: Any = dict(session.state or {})
    if "show-secrets" in arguments and deployment:
        snapshot = session.load(session.codec())
        text = Codec(None, show_secrets=True).deployment_text(snapshot)
        deployment = {**json.loads(text), "manifest": deployment["manifest"]}
    text = json.dumps({"version": 3, "deployment": deployment}, indent=4, ensure_ascii=False)
    if arguments.one("file"):
        Path(session.cwd, arguments.one("file")).write_text(text + "\n", encoding="utf-8")
    else:
        session.out(text)


def import_(session: Session, arguments: Arguments) -> None:
    source = arguments.one("file")
    if not source:
        raise CommandFailed("the embedded engine imports a deployment from a --file only")
    try:
        document = json.loads(Path(session.cwd, source).read_text(encoding="utf-8"))
        deployment = document["deployment"] or {}
        if document.get("version") != 3:
            raise CommandFailed(f"could not deserialize deployment: unsupported version {document.get('version')}")
        shape.check_deployment(deployment)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(f"could not read deployment: {error}") from error
    stack = session.stack
    with lock.held(session.backend, session.project.name, stack):
        session.__dict__["state"] = deployment
        codec = Codec(session.crypter) if session.state_salt in ("", session.crypter.state) else session.codec()
        snapshot = _readable(session, codec)
        for operation in snapshot.pending:
            urn = operation.resource.urn
            session.err(f"warning: removing pending operation '{operation.kind}' on '{urn}' from snapshot")
        written = Codec(session.crypter)
        save(
            session,
            stack,
            written.deployment_text(
                Snapshot(
                    snapshot.resources,
                    (),
                    {"type": "passphrase", "state": {"salt": session.crypter.state}},
                    version=f"v{session.version}",
                    rest=snapshot.rest,
                )
            ),
        )
    session.out("Import complete.")


def _readable(session: Session, codec: Codec) -> Snapshot:
    try:
        snapshot = checkpoint.load(session.state, codec)
    except CorruptCheckpoint as error:
        raise CommandFailed(f"could not deserialize deployment: {error}") from error
    for resource in snapshot.resources:
        named = resource.urn.removeprefix("urn:pulumi:").partition("::")[0]
        if named != session.stack:
            raise CommandFailed(
                f"resource '{resource.urn}' is from a different stack ({named} != {session.stack}); the import was "
                "refused and nothing was changed"
            )
    return snapshot
