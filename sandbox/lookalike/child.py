"""Runs a Pulumi program as a plain Python program, in a process of its own and in the project's virtualenv.

Started by its path: the virtualenv may hold nothing of the sandbox, so this imports pulumi alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

# The exit code that says: the person has been told, add nothing.
TOLD = 32


def main(descriptor: int) -> int:
    """Reads the request from a pipe that its owner keeps open; its end is ours as well."""
    pipe = os.fdopen(descriptor, encoding="utf-8")
    request = json.loads(pipe.readline())
    threading.Thread(target=_end_with_owner, args=[pipe], daemon=True).start()
    return run(request)


def _end_with_owner(pipe: Any) -> None:
    pipe.read()
    os._exit(1)


def run(request: dict[str, Any]) -> int:
    """The exit code of the program."""
    import grpc
    import pulumi
    from pulumi.runtime import reset_options, run_in_stack, set_all_config

    reset_options(
        project=request["project"],
        stack=request["stack"],
        organization=request["organization"],
        root_directory=request["root"],
        monitor_address=request["monitor"],
        engine_address=request["engine"],
        parallel=request["parallel"],
        preview=request["preview"],
    )
    set_all_config(request["config"], request["secretKeys"])
    # What a failed registration leaves behind is reported once, by the engine.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    program = request["program"]
    where = Path(program).resolve()
    sys.argv = [program]
    sys.path.insert(0, str(where if where.is_dir() else where.parent))
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=4 * max(1, request["parallel"])))
    loop.set_exception_handler(lambda *_: None)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(lambda: _play(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:  # the engine is ending, and has said why
            return 0
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_told(error)}")
        return TOLD
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_told(error)}")
        return TOLD
    finally:
        _drop_the_rest(loop)
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _play(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def _told(error: BaseException) -> str:
    """The traceback from the program's own first line on."""
    return "".join(traceback.format_exception(type(error), error, _own(error.__traceback__))).rstrip()


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Past what runs the program: the first entry after those of runpy."""
    at, inside = trace, False
    while at is not None:
        ours = at.tb_frame.f_globals.get("__spec__") is runpy.__spec__
        if inside and not ours:
            return at
        inside = inside or ours
        at = at.tb_next
    return trace


def _drop_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        try:
            loop.run_until_complete(task)
        except BaseException:
            continue
    loop.close()


if __name__ == "__main__":
    # Not an orderly end: a program may have left threads behind that would keep the process.
    code = main(int(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
