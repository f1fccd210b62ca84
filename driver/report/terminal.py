"""What everything for people is printed on."""

from rich.console import Console


def terminal(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """One that leaves text as it is: rich would take the `:secret:` in an ARN for the name of a pictograph."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, highlight=False, emoji=False)
