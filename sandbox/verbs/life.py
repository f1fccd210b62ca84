"""What the verbs of `bluegreen sandbox` do: each gives a result, or raises the failure that the command reports."""

from __future__ import annotations

import functools
import json
import os
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from rich.table import Table

from driver.checkout import find
from driver.errors import Invalid
from driver.invocation import Invocation
from driver.result import Result
from sandbox import daemon
from sandbox.faults import FAULTS
from sandbox.lookalike import shim
from sandbox.project import certificates, clear, furnish
from sandbox.rehearsal.acts import repository_and_tag

P = ParamSpec("P")
R = TypeVar("R")


def home(called: Invocation) -> Path:
    """Where this project's sandbox lives. In the sandbox's own environment: the sandbox that it speaks of."""
    root = _root(called)
    return root.parent if root.name == "project" and (root.parent / "state").is_dir() else root / ".bluegreen/sandbox"


def _source(called: Invocation) -> Path:
    """The project that the sandbox is for, also when its own copy is the one in use."""
    where, root = home(called), _root(called)
    return where.parent.parent if root.parent == where else root


def _root(called: Invocation) -> Path:
    """The project's root. A shell that still has the environment of a stopped sandbox names a copy that is gone."""
    named = Path(called.project or ".").absolute()
    gone = named.match(".bluegreen/sandbox/project") and not named.exists()
    return find(str(named.parents[2]) if gone else called.project)


def told(verb: Callable[P, R]) -> Callable[P, R]:
    """Turns the sandbox's own errors into the command's."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except daemon.SandboxError as error:
            raise Invalid(error.what, error.why, _commands(error.next)) from error

    return run


_INTO_IT = ('$ eval "$(bluegreen sandbox env)"', "-s dev up")


@told
def start(called: Invocation, speed: float, port: int) -> Result:
    where, root = home(called), _source(called)
    running = daemon.start(where, speed=speed, port=port)
    for arn in certificates(furnish(root, where)):
        _ask(running, "certificate", {"arn": arn})
    reason = f"AWS at {running.endpoint}, {speed:g}x as fast, until `bluegreen sandbox stop`"
    return Result("started", reason, _INTO_IT[:1], facts=_facts(running))


@told
def stop(called: Invocation) -> Result:
    where = home(called)
    running = daemon.stop(where)
    clear(where)
    return Result("stopped", f"what was at {running.endpoint} is gone", facts=_facts(running))


@told
def status(called: Invocation) -> Result:
    running = _running(called)
    state = _ask(running, "state")
    minutes = (time.time() - running.started) / 60
    reason = f"{running.endpoint}, process {running.pid}, {running.speed:g}x, for {minutes:.0f} min"
    facts = {**_facts(running), **state}
    if not state["listeners"] and not state["groups"]:
        return Result("running", f"{reason}; no balancer and no target group is in it yet", _INTO_IT, facts=facts)
    return Result("running", reason, facts=facts, body=_table(state))


@told
def env(called: Invocation) -> Result | int:
    running = _running(called)
    variables = {**running.environ(), **shim.exports(running.home, os.environ)}
    lines = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    if called.output == "json":
        return Result("env", "the sandbox's environment", facts={"environ": variables})
    print(lines)  # nothing beside it: the shell evaluates it
    return 0


@told
def push(called: Invocation, image: str) -> Result:
    repository, tag = repository_and_tag(image)
    pushed = _ask(_running(called), "push", {"repository": repository, "tag": tag})
    return Result("pushed", pushed["image"], (f"deploy {repository}:{tag}",), facts=pushed)


@told
def fault(called: Invocation, name: str | None, **aim: Any) -> Result:
    if name is None:
        table = Table("fault", "what it does", box=None, pad_edge=False)
        for each in FAULTS.values():
            table.add_row(each.name, each.does)
        return Result("faults", f"{len(FAULTS)} can be let loose", facts={"faults": list(FAULTS)}, body=table)
    if name not in FAULTS:
        raise Invalid(f"there is no fault {name!r}", f"there are {', '.join(FAULTS)}", ("sandbox fault",))
    given = {key: value for key, value in aim.items() if value is not None}
    done = _ask(_running(called), "fault", {"name": name, **given})
    return Result("faulted", "; ".join(done.get("did", [])) or name, ("sandbox fault clear",), facts=done)


def _running(called: Invocation) -> daemon.Running:
    where = home(called)
    running = daemon.find(where)
    if running is not None:
        return running
    pid = daemon.died(where)
    why = f"none runs in {where}" if pid is None else f"the one that was process {pid} is dead"
    raise Invalid("no sandbox is running", why, ("sandbox start",))


def _ask(running: daemon.Running, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{running.endpoint}/_sandbox/{what}", data=data)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise Invalid(f"the sandbox refused {what}", error.read().decode().strip(), ("sandbox status",)) from error
    except OSError as error:
        raise Invalid("the sandbox does not answer", str(error), ("sandbox stop", "sandbox start")) from error


def _table(state: Mapping[str, Any]) -> Table:
    table = Table("what", "where", "how it is", box=None, pad_edge=False)
    for listener in state["listeners"]:
        table.add_row(f"{listener['balancer']} :{listener['port']}", listener["url"], listener["dns_name"])
    for group in state["groups"]:
        states = [target["state"] for target in group["targets"]]
        counts = ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states)) or "no targets"
        table.add_row(group["name"], group["balancer"] or "", counts)
    return table


def _facts(running: daemon.Running) -> dict[str, Any]:
    facts = {"endpoint": running.endpoint, "proxy_url": running.proxy_url, "pid": running.pid}
    return {**facts, "speed": running.speed, "account": running.account, "home": str(running.home)}


def _commands(text: str) -> tuple[str, ...]:
    """The sandbox names whole commands; the report puts the program's name before them itself."""
    return tuple(part.removeprefix("bluegreen ").strip() for part in text.split(", or "))
