"""`pulumi config`: show, get, set, set-all, rm, rm-all, refresh."""

from __future__ import annotations

import json
from typing import Any

from sandbox.engine import config, paths
from sandbox.engine.arguments import Arguments
from sandbox.engine.config import Value
from sandbox.engine.failure import CommandFailed
from sandbox.engine.session import Session


def show(session: Session, arguments: Arguments) -> None:
    visible = "show-secrets" in arguments
    settings = session.config(decrypt=visible)
    if "json" in arguments:
        described = {key: _described(value, visible) for key, value in settings.items()}
        session.out(json.dumps(described, indent=2, ensure_ascii=False))
        return
    own = f"{session.project.name}:"
    width = max([3, *(len(key.removeprefix(own)) for key in settings)])
    session.out(f"{'KEY':{width}}  VALUE")
    for key, value in settings.items():
        session.out(f"{key.removeprefix(own):{width}}  {value.text}")


def _described(value: Value, visible: bool) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if visible or not value.secret:
        described["value"] = value.text
        if value.is_object:
            described["objectValue"] = value.plain
    return {**described, "secret": value.secret}


def get(session: Session, arguments: Arguments) -> None:
    if not arguments.positional:
        raise CommandFailed("accepts 1 arg(s), received 0")
    asked = arguments.positional[0]
    key, path = _address(session, asked, as_path="path" in arguments)
    value = session.config(decrypt=True).get(key)
    found = config.get(value, path) if value and path else None
    if value is None or (path and found is None):
        raise CommandFailed(f"configuration key '{asked}' not found for stack '{session.stack}'")
    if found is not None:
        plain, secret = found
        text = plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
        value = Value(text, secret, None, plain)
    if "json" not in arguments:
        session.out(value.text)
        return
    described: dict[str, Any] = {"value": value.text}
    if value.is_object:
        described["objectValue"] = value.plain
    session.out(json.dumps({**described, "secret": value.secret}, indent=2, ensure_ascii=False))


def set_(session: Session, arguments: Arguments) -> None:
    if len(arguments.positional) != 2:
        raise CommandFailed("config value must be specified in non-interactive mode")
    key, text = arguments.positional
    _put(session, key, text, secret="secret" in arguments, as_path="path" in arguments)
    session.stack_file.save()


def set_all(session: Session, arguments: Arguments) -> None:
    if arguments.options.get("json"):
        _set_json(session, arguments.one("json"))
    for kind in ("plaintext", "secret"):
        for pair in arguments.options.get(kind, ()):
            key, equals, text = pair.partition("=")
            if not equals:
                raise CommandFailed(f"config value must be in the form [key]=[value], missing value for key '{key}'")
            _put(session, key, text, secret=kind == "secret", as_path="path" in arguments)
    session.stack_file.save()


def _set_json(session: Session, text: str) -> None:
    try:
        document = json.loads(text)
        entries = [(str(key), dict(entry)) for key, entry in document.items()]
    except (ValueError, AttributeError, TypeError) as error:
        raise CommandFailed(f"could not parse --json argument: {error}") from error
    for key, entry in entries:
        if "objectValue" in entry and not entry.get("secret"):
            full, _ = _address(session, key, as_path=False)
            block = session.stack_file.config
            block[config.existing_key(block, full)] = config.from_plain(entry["objectValue"])
        else:
            if not isinstance(entry.get("value"), str):
                raise CommandFailed(f"could not parse --json argument: {key} has no value")
            _put(session, key, entry["value"], secret=bool(entry.get("secret")), as_path=False)


def _put(session: Session, key: str, text: str, *, secret: bool, as_path: bool) -> None:
    full, path = _address(session, key, as_path=as_path)
    config.put(session.stack_file.config, full, text, session.crypter if secret else None, path)


def rm(session: Session, arguments: Arguments) -> None:
    for key in arguments.positional:
        full, path = _address(session, key, as_path="path" in arguments)
        config.remove(session.stack_file.config, full, path)
    session.stack_file.save()


def _address(session: Session, key: str, *, as_path: bool) -> tuple[str, paths.Path]:
    """The full key, and where inside its value."""
    if not as_path:
        return config.full_key(key, session.project.name), []
    namespace, colon, rest = key.rpartition(":")
    try:
        first, *inner = paths.parse(rest)
    except ValueError as error:
        raise CommandFailed(f"invalid configuration key: {error}") from error
    return config.full_key(f"{namespace}{colon}{first}", session.project.name), inner


def refresh(session: Session, _arguments: Arguments) -> None:
    """Writes the configuration of the last update into the stack's file."""
    files = session.backend.history(session.project.name, session.stack)
    if not files:
        raise CommandFailed("getting latest configuration: no previous deployment")
    last = json.loads(files[0].read_text()).get("config") or {}
    file = session.stack_file
    block = file.config
    names = {config.full_key(str(name), session.project.name): name for name in block}
    for full, name in names.items():
        if full not in last:
            del block[name]
    for full, node in last.items():
        name = names.get(full, full)
        if name not in block or config.raw(block[name]) != node:
            block[name] = config.from_plain(node)
    file.save()
    session.out(f"refreshed configuration for stack '{session.stack}'")
