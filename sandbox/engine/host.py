"""A language host for a plain program: runs the project's `__main__.py` in this process."""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pulumi
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from sandbox.engine.failure import CommandFailed
from sandbox.engine.project import Project

# What a program exits with that has told the user itself what is wrong.
_TOLD = 32


@contextlib.contextmanager
def serving(project: Project) -> Iterator[str]:
    """The address of the host. Raises CommandFailed where there is no Python program to run."""
    main = program_of(project)
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(lambda: run(main)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0.2).wait()


def program_of(project: Project) -> Path:
    """The file that the real CLI would run: the project's `main`, or `__main__.py` in it."""
    if project.runtime != "python":
        raise CommandFailed(f"the embedded engine runs Python programs only, not '{project.runtime}'")
    main = project.root / project.main
    if main.is_dir():
        main = main / "__main__.py"
    if not main.is_file():
        raise CommandFailed(f"could not find the program: there is no {main}")
    return main


def run(main: Path) -> None:
    """Raises RunError, which is told without a traceback of this engine's own."""
    before, path = Path.cwd(), list(sys.path)
    os.chdir(main.parent)
    sys.path.insert(0, str(main.parent))
    try:
        runpy.run_path(str(main), run_name="__main__")
    except pulumi.RunError:
        raise
    except SystemExit as end:
        if end.code == _TOLD:
            raise pulumi.RunError("the program has told what is wrong") from None
        if end.code:
            raise pulumi.RunError(f"program exited with non-zero exit code: {end.code}") from None
    except BaseException:
        raise pulumi.RunError(f"Program failed with an unhandled exception:\n{traceback.format_exc()}") from None
    finally:
        sys.path[:] = path
        os.chdir(before)
