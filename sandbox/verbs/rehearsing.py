"""What `bluegreen rehearse` does: sets the stage, plays, and gives what clients saw as a result."""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver.checkout import Checkout, find
from driver.errors import Invalid
from driver.invocation import Invocation
from driver.report.terminal import terminal
from driver.result import Result
from driver.stack.settings import read
from sandbox import faults
from sandbox.daemon import SandboxError
from sandbox.rehearsal.acts import Act, next_image, play
from sandbox.rehearsal.outcome import Rehearsed
from sandbox.rehearsal.perform import perform
from sandbox.rehearsal.report import summary, write
from sandbox.rehearsal.screen import Lines, Screen
from sandbox.rehearsal.stage import Stage, staged


def run(
    called: Invocation, image: str | None, fault: str | None, rate: float, speed: float, report: str | None
) -> Result:
    """Raises Invalid where there is no such stack, no image, or no sandbox to be had."""
    if fault is not None:
        try:
            faults.read(fault)
        except ValueError as error:
            raise Invalid(f"{fault!r} can't be let loose", str(error), ("sandbox fault",)) from error
    root = find(called.project)
    if not called.stack:
        raise Invalid("name the stack to rehearse", "its settings are what is rehearsed", ("-s dev rehearse",))
    checkout = Checkout(root, called.stack)
    read(checkout)  # mistakes in the settings are told before anything is started
    first = serving_image(checkout)
    following = image or next_image(first)
    try:
        rehearsed = _rehearse(root, called, first, following, fault, rate, speed)
    except SandboxError as error:
        raise Invalid(error.what, error.why, (error.next,)) from error
    if report:
        write(rehearsed, Path(report))
    document = rehearsed.document()
    facts = {key: value for key, value in document.items() if key not in {"verb", "stack", "exit_code", "next"}}
    following_verbs = (f"deploy {following}",) if rehearsed.exit_code == 0 else ()
    return Result(
        document["outcome"], rehearsed.reason, following_verbs, rehearsed.exit_code, facts, body=summary(rehearsed)
    )


def serving_image(checkout: Checkout) -> str:
    """The release that is rehearsed from: what the stack file's record says serves, else the settings' image."""
    config = checkout.config()
    colors, active = config.get("bluegreen:colors"), config.get("bluegreen:activeColor")
    slot = colors.get(active) if isinstance(colors, dict) else None
    image = slot.get("image") if isinstance(slot, dict) else config.get("bluegreen:image")
    if not image:
        raise Invalid(
            f"the stack {checkout.stack} names no image",
            "neither a record nor `bluegreen:image` is in its file",
            ("config validate",),
        )
    name = str(image)
    return f"{name.split('@', maxsplit=1)[0]}:serving" if "@" in name else name


def _rehearse(
    root: Path, called: Invocation, first: str, following: str, fault: str | None, rate: float, speed: float
) -> Rehearsed:
    console = terminal(stderr=True, soft_wrap=True)
    console.print(
        f"rehearsing {called.stack}: {first} → {following} in a sandbox, {speed:g}x speed, {rate:g} requests/s"
    )
    with staged(root, str(called.stack), speed, first) as stage:
        stage.push(first)
        stage.push(following)
        acts = play(following, fault)
        meanwhile = _fault(stage, fault, acts)
        if console.is_terminal and not os.environ.get("CI"):
            screen = Screen(console)
            with screen.live:
                return perform(stage, str(called.stack), acts, rate, screen, meanwhile, fault)
        return perform(stage, str(called.stack), acts, rate, Lines(console), meanwhile, fault)


def _fault(stage: Stage, fault: str | None, acts: tuple[Act, ...]) -> Callable[[Act], None]:
    """Lets the fault loose on the new color as the promotion begins, when its instances are there to be hit."""
    shifts = [act for act in acts if act.shifts]

    def meanwhile(act: Act) -> None:
        if fault is not None and act == shifts[0]:
            try:
                stage.post("fault", on_the_new(fault))
            except urllib.error.HTTPError as error:
                reason = error.read().decode().strip()
                raise Invalid(f"{fault!r} can't be let loose", reason, ("sandbox fault",)) from error

    return meanwhile


def on_the_new(fault: str) -> dict[str, Any]:
    """What the sandbox is asked for: the fault as it was aimed, else at the new color, where it has to do with one."""
    name, aim = faults.read(fault)
    everywhere = name.startswith("api-") or aim.keys() & {"color", "instance", "alarm"}
    return {"name": name, **({} if everywhere else {"color": "green"}), **aim}
