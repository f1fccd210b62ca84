"""How every call ends: a result or a failure, printed once, with one exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from driver.errors import Failure, Invalid, Refused, Unfinished, Unforeseen
from driver.interrupts import INTERRUPTS, Interrupted
from driver.invocation import Invocation
from driver.result import Result


def ended(cli: click.Group, words: Sequence[str]) -> int:
    """Runs the command line; prints what came of it; returns the exit code."""
    INTERRUPTS.install()
    # What it was called with is not known before click has read it, and that may be what fails.
    called = Invocation(
        output=_wanted_output(words), verb=next((word for word in words if word in cli.list_commands(_NOBODY)), "")
    )
    try:
        result = _run(cli, words, called)
    except Failure as failure:
        return _tell(failure, called)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, Interrupted) as stop:
        return _tell(_left(stop, called.verb), called)
    except click.ClickException as error:
        return _tell(_misused(error, cli, called), called)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - the reader is gone; nothing is left to close
        return 1
    except Exception as error:
        if called.verbose or os.environ.get("BLUEGREEN_TRACEBACK"):
            traceback.print_exc()
        why = f"{type(error).__name__}: {error}"
        return _tell(Unforeseen("this should not have happened", why, ("-v status", "status")), called)
    if isinstance(result, Result):
        from driver.report.show import show

        show(result, called)
        return result.exit_code
    return result if isinstance(result, int) else 0


def _misused(error: click.ClickException, cli: click.Group, called: Invocation) -> Failure:
    """Wrong usage; an option that all verbs share, put behind one of them, is told where it belongs."""
    what, shared = error.format_message().rstrip("."), {name: each for each in cli.params for name in each.opts}
    option = shared.get(error.option_name) if isinstance(error, click.NoSuchOption) else None
    if isinstance(option, click.Option) and called.verb:
        why = f"it is shared by all verbs, and stands before `{called.verb}`"
        rightly = (f"{option.opts[-1]} {called.verb}",) if option.is_flag else ()
        return Invalid(what, why, (*rightly, "--help"))
    return Invalid(what, "see the help", (f"{called.verb} --help".strip(),))


def _left(stop: BaseException, verb: str) -> Failure:
    """Who was asked and said no, or stopped us before anything was begun."""
    name = getattr(stop, "name", None) or INTERRUPTS.asked
    if name is None:
        return Refused("not agreed", "nothing was changed", ("status",))
    again = "deploy IMAGE" if verb == "deploy" else verb or "status"
    return Unfinished(f"interrupted by {name}", "nothing was left half-done by this command", (again, "status"))


def _run(cli: click.Group, words: Sequence[str], called: Invocation) -> object:
    with cli.make_context("bluegreen", list(words)) as context:
        try:
            return cli.invoke(context)
        finally:
            if isinstance(context.obj, Invocation):
                context.obj.progress.close()
                called.__dict__.update(context.obj.__dict__)


def _tell(failure: Failure, called: Invocation) -> int:
    from driver.report.show import show_failure

    show_failure(failure, called)
    return failure.exit_code


def _wanted_output(words: Sequence[str]) -> str:
    asked = dict(zip(words, [*words[1:], ""], strict=True)).get("--output") or ""
    asked = next((word.partition("=")[2] for word in words if word.startswith("--output=")), asked)
    return "json" if "json" in (asked, os.environ.get("BLUEGREEN_OUTPUT") if not asked else "") else "table"


_NOBODY = click.Context(click.Command("bluegreen"))
