"""`bluegreen sandbox`: AWS on this machine, started, looked at, disturbed and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from driver.invocation import Invocation
    from driver.result import Result

SPEED = click.FloatRange(0.1, 1000)


@click.group()
def sandbox() -> None:
    """AWS on this machine: real sockets and real health checks, no account."""


@sandbox.command()
@click.option("--speed", type=SPEED, default=1.0, show_default=True, help="How much faster than AWS things take.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the AWS endpoint; 0: any free one.")
@click.pass_obj
def start(called: Invocation, speed: float, port: int) -> Result:
    """Start a sandbox for this project; returns when it is ready."""
    from sandbox.verbs import life

    return life.start(called, speed, port)


@sandbox.command()
@click.pass_obj
def stop(called: Invocation) -> Result:
    """Stop the sandbox and forget all that was in it."""
    from sandbox.verbs import life

    return life.stop(called)


@sandbox.command()
@click.pass_obj
def status(called: Invocation) -> Result:
    """Show where it listens and what runs in it."""
    from sandbox.verbs import life

    return life.status(called)


@sandbox.command()
@click.pass_obj
def env(called: Invocation) -> Result | int:
    """Print `export NAME='value'` lines: eval "$(bluegreen sandbox env)"."""
    from sandbox.verbs import life

    return life.env(called)


@sandbox.command()
@click.argument("image")
@click.pass_obj
def push(called: Invocation, image: str) -> Result:
    """Put an image (REPOSITORY:TAG) into the sandbox's registry. Some tags misbehave: see docs/sandbox.md."""
    from sandbox.verbs import life

    return life.push(called, image)


@sandbox.command()
@click.argument("name", required=False)
@click.argument("alarm", required=False)
@click.option("--color", type=click.Choice(["blue", "green"]), help="Only instances of this color.")
@click.option(
    "--image",
    help="Only what runs this image. Errors, slowness and failing checks also hit what starts from it later.",
)
@click.option("--count", type=click.IntRange(1), help="How many instances.")
@click.option("--amount", type=click.FloatRange(0), help="A share from 0 to 1, or seconds: what the fault says.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="How long, in the sandbox's time (300; alarms and metrics 3600).",
)
@click.option("--service", help="Only API calls to this service, such as elbv2.")
@click.option("--operation", help="Only these API operations, such as ModifyRule,PutParameter.")
@click.pass_obj
def fault(called: Invocation, /, name: str | None, **aim: Any) -> Result:
    """Let something go wrong, by name; without a name: list what can.

    ALARM is the one that `alarm-fires` is about.
    """
    from sandbox.verbs import life

    return life.fault(called, name, **aim)
