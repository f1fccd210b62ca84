"""What this machine knows of the updates that it runs: who holds a stack's lock, and whether that process still lives.

A lock of a file backend names a process, not a boot, a container or a start: another process may wear that number by
now. A lease is the proof that is missing. Each update writes one, and takes it away when it ends, however it ends, but
for the end by `kill -9`, a crash or a power cut. Then the lease says that the lock it speaks of is nobody's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from driver.release.watcher import Process, Watcher

_LOCK = re.compile(r"(?P<url>file://\S+): created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<when>\S+)")
_SAME_BOOT = 30
"""Seconds. A clock that is set moves the computed boot time a little; a boot takes longer than that."""
WAKES: set[threading.Event] = set()
"""Set when an engine begins to run, before it can have taken a lock."""

_ENGINES: list[Process] = []
_ENTRY = re.compile(r"^\s+\S+://\S+: ", re.MULTILINE)


@dataclass(frozen=True)
class Lease:
    """A process that may hold a stack's lock. `started` and `boot` are seconds since the epoch."""

    pid: int
    started: float
    boot: float
    namespace: int
    host: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            found = psutil.Process(self.pid)
            # One that nobody has taken note of the end of, as in a container without an init, does nothing any more.
            return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - self.started) < 1
        except psutil.NoSuchProcess:
            return False


@dataclass
class Evidence:
    """Whether a lease stays although its block has ended: the process was killed, and may have left its lock."""

    keep: bool = False


def of_process(pid: int) -> Lease:
    """The lease of a process that runs now. Raises psutil.NoSuchProcess."""
    started = psutil.Process(pid).create_time()
    return Lease(pid, started, psutil.boot_time(), _namespace(), socket.gethostname())


def this_process() -> Process:
    """This one, as the lease in the parameter store names it."""
    return _process(of_process(os.getpid()))


def _process(lease: Lease) -> Process:
    return Process(lease.host, lease.boot, lease.namespace, lease.pid, lease.started)


def gone(process: Process) -> bool:
    """Whether a process of this machine, as a lease names it, is proven to run no more. Of another nobody can tell."""
    lease = Lease(process.pid, process.started, process.boot, process.namespace, process.host)
    here = (lease.host, lease.namespace) == (socket.gethostname(), _namespace())
    return here and abs(lease.boot - psutil.boot_time()) < _SAME_BOOT and not lease.alive


@contextlib.contextmanager
def leased(pid: int) -> Iterator[Evidence]:
    """Writes down, for as long as the block runs, that this process holds a lock; for longer where that is asked."""
    evidence = Evidence()
    folder = _folder()
    file = folder / f"{pid}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(of_process(pid))), encoding="utf-8")
    except (OSError, psutil.Error):
        # Without a lease a lock that is left behind takes a person's word; the update itself needs none.
        yield evidence
        return
    try:
        with _known(pid):
            yield evidence
    finally:
        if not evidence.keep:
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def _known(pid: int) -> Iterator[None]:
    """While this runs, an engine that is a process of its own is known to who watches."""
    engines = [] if pid == os.getpid() else [_process(of_process(pid))]
    _ENGINES.extend(engines)
    for event in tuple(WAKES) if engines else ():
        event.set()
    try:
        yield
    finally:
        for engine in engines:
            _ENGINES.remove(engine)


def engine() -> Process | None:
    """The engine that this process runs now, where it is a process of its own."""
    return _ENGINES[-1] if _ENGINES else None


def break_dead_locks(text: str, witness: Watcher | None = None) -> list[str]:
    """Takes away the locks that `text`, the CLI's message, names, if each was left by a process proven dead.

    Proofs are the leases that lie on this machine, and `witness`, the one that lay in the parameter store. Gives the
    owners of what was taken away; nothing where a single one may be alive, or is of another machine.
    """
    found = list(_LOCK.finditer(text))
    if not found or len(found) != len(_ENTRY.findall(text)):
        return []
    leases = {lease.pid: (lease, file) for lease, file in (*_of_watcher(witness), *_leases())}
    dead = []
    for lock in found:
        lease, file = leases.get(int(lock["pid"]), (None, None))
        if lease is None or not _left_by(lease, lock["host"], lock["when"]):
            return []
        dead.append((Path(unquote(urlsplit(lock["url"]).path)), file, f"pid {lock['pid']} since {lock['when']}"))
    for lock_file, lease_file, _ in dead:
        for name in (lock_file, lock_file.with_name(lock_file.name + ".attrs"), lease_file):
            if name is not None:
                name.unlink(missing_ok=True)
    return [owner for _, _, owner in dead]


def proven_dead(pid: int, host: str, when: str) -> bool:
    """Whether a lock of that owner was left behind: its lease is here, and its process is gone."""
    return any(lease.pid == pid and _left_by(lease, host, when) for lease in all_leases())


def all_leases() -> tuple[Lease, ...]:
    """What lies here, of the living and of the dead."""
    return tuple(lease for lease, _ in _leases())


def _left_by(lease: Lease, host: str, when: str) -> bool:
    """Whether a lock was left by the lease's process, and that process is gone."""
    here = (lease.host, lease.namespace) == (socket.gethostname(), _namespace())
    same_boot = abs(lease.boot - psutil.boot_time()) < _SAME_BOOT
    after_start = datetime.fromisoformat(when).timestamp() >= lease.started - 2
    return here and host == lease.host and same_boot and after_start and not lease.alive


def _of_watcher(witness: Watcher | None) -> Iterator[tuple[Lease, None]]:
    """The processes that a lease in the parameter store speaks of: a driver, and the engine that it ran."""
    for process in (witness.process, witness.engine) if witness else ():
        if process is not None:
            yield Lease(process.pid, process.started, process.boot, process.namespace, process.host), None


def _leases() -> Iterator[tuple[Lease, Path]]:
    for file in _folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield Lease(**json.loads(file.read_text(encoding="utf-8"))), file


def _folder() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "bluegreen" / "leases"


def _namespace() -> int:
    """Where process numbers mean what they say: containers of one machine count their own. 0 where there is no such."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0
