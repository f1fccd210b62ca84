"""What the sandbox's balancer costs: latency that it adds, and the requests per second that one core of it carries.

Both in one run, so that the machine's own speed cancels out: `python -m benchmarks.balancer [--seconds N]`.
"""

import argparse
import os
import socket
import statistics
import time
from dataclasses import dataclass

from benchmarks.pairs import ended
from sandbox.traffic.apphost import AppHost
from sandbox.traffic.balancer import Balancer
from sandbox.traffic.wire import Action, App, Group, Listener, Share, Table, Target

REQUEST = b"GET / HTTP/1.1\r\nHost: web.elb.test\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
ADDED_LIMIT_MS = 0.5
RATE_LIMIT = 5000


@dataclass(frozen=True)
class Measured:
    p50_ms: float
    p99_ms: float


def expect_answer(sock: socket.socket) -> None:
    if not (answer := sock.recv(65536)).startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"not an answer: {answer[:80]!r}")


def one_by_one(address: tuple[str, int], rounds: int) -> list[float]:
    """Seconds of each of so many requests, one after the other on one connection."""
    times = []
    with socket.create_connection(address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            began = time.perf_counter()
            sock.sendall(REQUEST)
            expect_answer(sock)
            times.append(time.perf_counter() - began)
    return times


def in_turns(direct: tuple[str, int], through: tuple[str, int], turns: int = 10) -> tuple[Measured, Measured]:
    """Both ways alternately, so that a busy moment of the machine hits both."""
    ways = {direct: list[float](), through: list[float]()}
    for address in ways:
        one_by_one(address, 200)
    for _ in range(turns):
        for address, times in ways.items():
            times.extend(one_by_one(address, 300))
    return measured(ways[direct]), measured(ways[through])


def measured(times: list[float]) -> Measured:
    return Measured(statistics.median(times) * 1000, statistics.quantiles(times, n=100)[98] * 1000)


def flood(address: tuple[str, int], pid: int, seconds: float, connections: int = 32) -> tuple[float, float]:
    """Requests per second with that many always running, and CPU seconds of the process per second."""
    sockets = [socket.create_connection(address) for _ in range(connections)]
    for sock in sockets:
        sock.sendall(REQUEST)
    answered, cpu, began = 0, cpu_seconds(pid), time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for sock in sockets:
            expect_answer(sock)
            sock.sendall(REQUEST)
        answered += len(sockets)
    used = cpu_seconds(pid) - cpu
    for sock in sockets:
        expect_answer(sock)
        sock.close()
    return answered / spent, used / spent


def cpu_seconds(pid: int) -> float:
    """Of user and system time, by Linux's /proc; elsewhere unknown."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(seconds: float = 3) -> int:
    apps, balancer = AppHost.start(), Balancer.start()
    try:
        direct = apps.boot(App("app-1", "127.0.0.1", 0, "web", "v1", "blue", "repo@sha256:0"))
        forward = Action("forward", (Share("g", 1),))
        listener = Listener("l", "web", "web.elb.test", "127.0.0.1", 0, 80, "HTTP", (), forward)
        through = balancer.apply(Table(1, (listener,), (Group("g", (Target("app-1", *direct, "healthy"),)),)))["l"]
        alone, balanced = in_turns(direct, through)
        rate, busy = flood(through, balancer.pid, seconds)
        counted = balancer.counters().targets["app-1"]
        direct_rate, direct_busy = flood(direct, apps.pid, seconds)
    finally:
        balancer.close()
        apps.close()
    if counted.elb_codes or set(counted.target_codes) != {"2XX"}:
        raise RuntimeError(f"not every answer was right: {counted}")
    added = balanced.p50_ms - alone.p50_ms
    # What the process would carry with a core to itself: client and app share this machine's cores with it.
    per_core = rate / busy
    print(f"{'':32}{'direct':>10}{'balanced':>10}{'ratio':>8}")
    print(f"{'latency p50, ms':32}{alone.p50_ms:10.3f}{balanced.p50_ms:10.3f}{balanced.p50_ms / alone.p50_ms:8.2f}")
    print(f"{'latency p99, ms':32}{alone.p99_ms:10.3f}{balanced.p99_ms:10.3f}{balanced.p99_ms / alone.p99_ms:8.2f}")
    print(f"{'requests/s':32}{direct_rate:10.0f}{rate:10.0f}{direct_rate / rate:8.2f}")
    print(f"{'CPU of the process, cores':32}{direct_busy:10.2f}{busy:10.2f}")
    print(f"{'requests/s on one core':32}{direct_rate / direct_busy:10.0f}{per_core:10.0f}")
    print(f"added latency p50: {added:.3f} ms (at most {ADDED_LIMIT_MS})")
    print(f"requests/s on one core: {per_core:.0f} (at least {RATE_LIMIT})")
    return 1 if added > ADDED_LIMIT_MS or per_core < RATE_LIMIT else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of the flood")
    asked = parser.parse_args().seconds
    ended(lambda: main(asked))
