"""`bluegreen rehearse`: this stack's next transition in a throw-away sandbox under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from driver.invocation import Invocation
    from driver.result import Result


@click.command()
@click.argument("image", required=False)
@click.option(
    "--fault",
    metavar="NAME[:KEY=VALUE,…]",
    help="What goes wrong as the new release comes; `sandbox fault` lists the names. For instance: "
    "api-lost:operation=ModifyRule,amount=0.3.",
)
@click.option("--rate", type=click.FloatRange(1, 5000), default=200.0, show_default=True, help="Requests per second.")
@click.option(
    "--speed", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="How much faster than AWS."
)
@click.option(
    "--report", type=click.Path(dir_okay=False, writable=True), help="Write the result to a file (.md or .json)."
)
@click.pass_obj
def rehearse(
    called: Invocation, image: str | None, fault: str | None, rate: float, speed: float, report: str | None
) -> Result:
    """Play this stack's next transition in a throw-away sandbox, under load, and report what clients saw.

    The settings are those of the stack's file, the first release is the one it names (or the one that its record says
    serves), IMAGE is the one to come. AWS is simulated and the app is a stand-in.
    """
    from sandbox.verbs.rehearsing import run

    return run(called, image, fault, rate, speed, report)
