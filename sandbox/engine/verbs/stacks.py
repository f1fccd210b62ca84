"""`pulumi stack select / init / ls / rm`, `cancel`, `whoami`."""

from __future__ import annotations

import getpass
import json
import re

from sandbox.engine import checkpoint, lock
from sandbox.engine.arguments import Arguments
from sandbox.engine.checkpoint import Codec, CorruptCheckpoint, Snapshot
from sandbox.engine.failure import CommandFailed, stack_not_found
from sandbox.engine.session import Session
from sandbox.engine.verbs import lists

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def select(session: Session, arguments: Arguments) -> None:
    name = session.plain_name(session.stack_option or (arguments.positional or [""])[0])
    if not name:
        raise CommandFailed("a stack name is needed")
    if not session.backend.exists(session.project.name, name):
        if "create" not in arguments:
            raise stack_not_found(name)
        _create(session, name)
    session.selection.set(name)


def init(session: Session, arguments: Arguments) -> None:
    name = session.plain_name((arguments.positional or [session.stack_option])[0])
    provider = arguments.one("secrets-provider", "passphrase")
    if provider not in ("passphrase", "default", ""):
        raise CommandFailed(f"unknown secrets provider type '{provider}': the embedded engine knows 'passphrase' only")
    _create(session, name)
    if "no-select" not in arguments:
        session.selection.set(name)


def _create(session: Session, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CommandFailed("a stack name may only contain alphanumeric, hyphens, underscores, or periods")
    project, backend = session.project, session.backend
    if backend.exists(project.name, name):
        raise CommandFailed(f"stack 'organization/{project.name}/{name}' already exists")
    session.__dict__["stack"] = name
    session.__dict__["state"] = None
    salt = session.crypter.state
    snapshot = Snapshot(
        version=f"v{session.version}",
        secrets_provider={"type": "passphrase", "state": {"salt": salt}},
    )
    save(session, name, Codec(None).deployment_text(snapshot))
    session.forget_state()
    session.err(f"Created stack '{name}'")


def save(session: Session, name: str, deployment: str) -> None:
    """Writes a whole deployment as the stack's state."""
    project, backend = session.project, session.backend
    stack = f"organization/{project.name}/{name}"
    text = f'{{"version": 3,\n"checkpoint": {{"stack": "{stack}",\n"latest": {deployment}}}}}\n'
    backend.save_state(project.name, name, text)
    backend.finish_state(project.name, name)


def ls(session: Session, arguments: Arguments) -> None:
    current = session.selection.get()
    rows = []
    for project, name in session.backend.stacks():
        if project != session.project.name and "all" not in arguments:
            continue
        row: dict[str, object] = {"name": name, "current": name == current and project == session.project.name}
        try:
            _, deployment = checkpoint.parse(session.backend.read_state(project, name))
        except CorruptCheckpoint:
            deployment = None
        if deployment:
            row["lastUpdate"] = _milliseconds(deployment.get("manifest", {}).get("time", ""))
            row["resourceCount"] = len(deployment.get("resources") or ())
        rows.append(row)
    if "json" in arguments:
        session.out(json.dumps(rows, indent=2))
        return
    shown = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for row in rows:
        updated = str(row.get("lastUpdate") or "")
        when = lists.ago(updated) if updated else "n/a"
        shown.append((f"{row['name']}{'*' if row['current'] else ''}", when, str(row.get("resourceCount", "n/a"))))
    session.out("\n".join(lists.columns(shown)))


def _milliseconds(time: str) -> str:
    whole, _, fraction = time.rstrip("Z").partition(".")
    return f"{whole}.{(fraction + '000')[:3]}Z" if whole else ""


def rm(session: Session, arguments: Arguments) -> None:
    if arguments.positional:
        session.stack_option = arguments.positional[0]
    name, project = session.stack, session.project
    if "yes" not in arguments:
        raise CommandFailed("non-interactive mode requires --yes flag")
    if (session.state or {}).get("resources") and "force" not in arguments:
        raise CommandFailed(
            f"'{name}' still has resources; removal rejected. Possible actions:\n"
            "- Make sure that the stack name is correct by running `pulumi stack`\n"
            "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
            "- Or pass the --force flag to delete the stack without deleting its resources"
        )
    with lock.held(session.backend, project.name, name):
        session.backend.remove(project.name, name)
    if "preserve-config" not in arguments:
        project.stack_file(name).unlink(missing_ok=True)
    if session.selection.get() == name:
        session.selection.set("")
    session.out(f"Stack '{name}' has been removed!")


def cancel(session: Session, arguments: Arguments) -> None:
    if arguments.positional:
        session.stack_option = arguments.positional[0]
    if "yes" not in arguments:
        raise CommandFailed("--yes must be passed in to proceed when running in non-interactive mode")
    lock.break_all(session.backend, session.project.name, session.stack)
    session.out(f"The currently running update for '{session.stack}' has been canceled!")


def whoami(session: Session, arguments: Arguments) -> None:
    user = getpass.getuser()
    session.out(json.dumps({"user": user, "url": session.backend.url}, indent=2) if "json" in arguments else user)


def no_plugins(session: Session, arguments: Arguments) -> None:
    """Its providers are part of this process."""
    session.out("[]" if "json" in arguments else "TOTAL plugin cache size: 0 B")


def nothing(session: Session, arguments: Arguments) -> None:
    """There is nothing to install."""
