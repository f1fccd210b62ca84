"""The command `bluegreen`: which verbs there are, the options they share, and how every one of them ends.

Imports nothing but click, so that `--help` is as quick as click is. Verbs are imported when they are called.
"""

from __future__ import annotations

import gc
import sys
import time
from importlib import import_module

import click

STARTED = time.monotonic()

# name -> where it lives, and its help, so that `bluegreen --help` need not import any of them
VERBS: dict[str, tuple[str, str]] = {
    "status": ("driver.verbs.status:status", "What runs where: weights, releases, health, drift."),
    "deploy": ("driver.verbs.deploy:deploy", "Fill the standby with a release; moves no traffic."),
    "promote": ("driver.verbs.promote:promote", "Shift traffic to the candidate."),
    "rollback": ("driver.verbs.rollback:rollback", "Back at once to what served before."),
    "abort": ("driver.verbs.rollback:rollback", "The same, in the middle of a transition."),
    "resume": ("driver.verbs.resume:resume", "Carry on what a driver left unfinished."),
    "retire": ("driver.verbs.retire:retire", "Take the standby's capacity away."),
    "verify": ("driver.verbs.verify:verify", "Run the gates without moving anything."),
    "wait": ("driver.verbs.wait:wait", "Until nothing is in progress."),
    "sync": ("driver.verbs.sync:sync", "Copy the deployed record into the stack's file."),
    "freeze": ("driver.verbs.freeze:freeze", "Let no release begin, and say why; a rollback always may."),
    "thaw": ("driver.verbs.freeze:thaw", "Let releases begin again."),
    "preview": ("driver.verbs.preview:preview", "What an update would change, and what that means for traffic."),
    "up": ("driver.verbs.up:up", "Make the first deploy, or whatever is pending."),
    "destroy": ("driver.verbs.destroy:destroy", "Take everything down."),
    "history": ("driver.verbs.history:history", "What happened: releases, shifts, rollbacks, by whom and why."),
    "logs": ("driver.verbs.logs:logs", "What a color's instances wrote: their boot and their apps."),
    "doctor": ("driver.verbs.doctor:doctor", "What is missing here, and how to mend it."),
    "config": ("driver.verbs.config:config", "The stack's settings: `config validate`."),
    "rehearse": (
        "sandbox.verbs.rehearse:rehearse",
        "This stack's next transition, in a sandbox under load.",
    ),
    "sandbox": ("sandbox.verbs.sandbox:sandbox", "AWS on this machine: start, stop, status, env, fault."),
    "completion": ("driver.verbs.completion:completion", "Shell completion."),
}


class Verbs(click.Group):
    """The verbs by name, imported when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        try:
            command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise missing_part(cmd_name, error) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "BLUEGREEN",
        "max_content_width": 120,
    },
)
@click.option("-s", "--stack", metavar="NAME", help="Which stack, e.g. dev or prod.")
@click.option("--project", metavar="DIR", help="The directory with Pulumi.yaml, if it is not this one or one above.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="For people, or one document.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("-v", "--verbose", is_flag=True, help="Also what Pulumi says.")
@click.version_option(package_name="bluegreen")
@click.pass_context
def cli(ctx: click.Context, stack: str | None, project: str | None, output: str, yes: bool, verbose: bool) -> None:
    """Blue/green releases on AWS: fill the standby, shift traffic, go back at once.

    Every option can also be set as BLUEGREEN_STACK, BLUEGREEN_OUTPUT and so on.
    """
    from driver.invocation import Invocation

    ctx.obj = Invocation(stack, project, output, yes, verbose, verb=ctx.invoked_subcommand or "", started=STARTED)


def missing_part(verb: str, error: ModuleNotFoundError) -> Exception:
    """The failure for a verb whose packages are not installed; any other missing module is a fault of ours."""
    from driver.errors import Invalid

    if (error.name or "").split(".")[0] == "driver" or not VERBS[verb][0].startswith("sandbox."):
        return error
    why = f"{error.name} is not installed: the sandbox is an extra of the package"
    return Invalid(f"`{verb}` needs the sandbox", why, ("$ pip install 'bluegreen[sandbox]'",))


def main() -> None:
    """Runs the verb, prints its result or its failure, and exits with its code."""
    if len(sys.argv) == 1 or sys.argv[1] in {"-h", "--help", "--version"}:
        sys.exit(cli.main(standalone_mode=True))
    # An update's modules are hundreds of thousands of objects, which stay: to look through them for garbage again and
    # again while they load took a fifth of a verb's computing, and a sixth of the time until a rollback moves traffic.
    gc.set_threshold(500_000, 10, 10)
    from driver.ending import ended

    code = ended(cli, sys.argv[1:])
    # All is said. Looking through a million objects for garbage that the system takes back anyway would take a process
    # that has loaded Pulumi another second or more; a shell waits for it.
    gc.freeze()
    sys.exit(code)
