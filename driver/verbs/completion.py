"""`completion`: what a shell needs to complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script, e.g. for `source <(bluegreen completion bash)`."""
    kind = get_completion_class(shell)
    assert kind is not None  # click knows the three
    root = context.find_root()
    click.echo(kind(root.command, {}, "bluegreen", "_BLUEGREEN_COMPLETE").source())
