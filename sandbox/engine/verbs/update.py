"""`pulumi preview`, `up`, `refresh` and `destroy`."""

from __future__ import annotations

from sandbox.engine.arguments import Arguments
from sandbox.engine.failure import CommandFailed
from sandbox.engine.operation import Operation, run
from sandbox.engine.options import Options
from sandbox.engine.session import Session
from sandbox.engine.targets import Targets

_NOT_RECORDED = {"client", "event-log", "stack", "target", "exclude", "config-file"}


def preview(session: Session, arguments: Arguments) -> None:
    run(session, _operation("preview", arguments, preview=True))


def up(session: Session, arguments: Arguments) -> None:
    _must_be_confirmed(arguments)
    run(session, _operation("update", arguments))


def refresh(session: Session, arguments: Arguments) -> None:
    only = "preview-only" in arguments
    if not only:
        _must_be_confirmed(arguments)
    run(session, _operation("refresh", arguments, preview=only))


def destroy(session: Session, arguments: Arguments) -> None:
    only = "preview-only" in arguments
    if not only:
        _must_be_confirmed(arguments)
    run(session, _operation("destroy", arguments, preview=only))
    if only:
        return
    session.forget_state()
    # What a protected resource needs counts as protected, too.
    protected = len((session.state or {}).get("resources") or ())
    if "exclude-protected" in arguments and protected:
        session.out(
            "All unprotected resources were destroyed. There are still "
            f"{protected} protected resources associated with this stack."
        )
    else:
        session.out(
            "The resources in the stack have been deleted, but the history and configuration associated with the stack "
            f"are still maintained.\nIf you want to remove the stack completely, run `pulumi stack rm {session.stack}`."
        )


def _must_be_confirmed(arguments: Arguments) -> None:
    if not {"yes", "skip-preview"} & set(arguments.options):
        raise CommandFailed("--yes or --skip-preview must be passed in to proceed when running in non-interactive mode")


def _operation(kind: str, arguments: Arguments, *, preview: bool = False) -> Operation:
    run_program = arguments.one("run-program")
    if run_program == "true" and kind in ("refresh", "destroy"):
        raise CommandFailed(f"{kind} --run-program is not supported by the embedded engine")
    for option in ("plan", "save-plan", "policy-pack", "import-file", "remote", "attach-debugger"):
        if option in arguments:
            raise CommandFailed(f"--{option} is not supported by the embedded engine")
    client = arguments.one("client")
    parallel = arguments.one("parallel")
    try:
        options = Options(
            preview=preview,
            targets=Targets(arguments.all("target") + arguments.all("target-replace")),
            excludes=Targets(arguments.all("exclude")),
            replace=Targets(arguments.all("replace") + arguments.all("target-replace")),
            target_dependents="target-dependents" in arguments,
            exclude_dependents="exclude-dependents" in arguments,
            refresh="refresh" in arguments,
            refresh_only=kind == "refresh",
            continue_on_error="continue-on-error" in arguments,
            exclude_protected="exclude-protected" in arguments,
            **({"parallel": max(1, int(parallel))} if parallel else {}),
        )
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    flags = {name: "set" if name in _NOT_RECORDED else "true" for name in arguments.options if name != "parallel"}
    return Operation(
        kind=kind,
        options=options,
        client=client if kind in ("update", "preview") else "",
        event_log=arguments.one("event-log"),
        message=arguments.one("message"),
        expect_no_changes="expect-no-changes" in arguments,
        clear_pending_creates="clear-pending-creates" in arguments,
        flags=flags,
        exec_kind=arguments.one("exec-kind"),
    )
