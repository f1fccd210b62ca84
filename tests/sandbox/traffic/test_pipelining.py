"""Requests of all kinds in a row on one connection, cut anywhere, while the table changes: each gets its own answer."""

import random
import threading
from typing import Any

import pytest

from sandbox.traffic.wire import Action, Rule


def requests(choose: random.Random) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Some requests, and of each answer the status and what its body contains."""
    data, wanted = b"", []
    for _ in range(choose.randint(1, 12)):
        kind = choose.choice(("status", "post", "chunks", "fixed", "sleep", "head"))
        if kind == "status":
            status = choose.choice((200, 404, 503, 418))
            data += b"GET /status/%d HTTP/1.1\r\nHost: x\r\n\r\n" % status
            wanted.append((status, b"instance"))
        elif kind == "post":
            length = choose.choice((1, 1000, 70_000))
            data += b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + b"y" * length
            wanted.append((200, b'"received": %d}' % length))
        elif kind == "chunks":
            sizes = [choose.randint(1, 3000) for _ in range(choose.randint(1, 4))]
            chunks = b"".join(b"%x\r\n%b\r\n" % (size, b"z" * size) for size in sizes)
            data += b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
            wanted.append((200, b'"received": %d}' % sum(sizes)))
        elif kind == "fixed":
            data += b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n"
            wanted.append((200, b"fixed"))
        elif kind == "sleep":
            data += b"GET /sleep/%d HTTP/1.1\r\nHost: x\r\n\r\n" % choose.randint(0, 8)
            wanted.append((200, b"instance"))
        else:
            data += b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
            wanted.append((200, b""))
    return data, wanted


def send_in_pieces(sock: Any, data: bytes, choose: random.Random) -> None:
    while data:
        size = choose.choice((1, 3, 17, 100, 5000, 100_000))
        sock.sendall(data[:size])
        data = data[size:]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_request_gets_its_own_answer(site: Any, seed: int) -> None:
    targets = [site.boot(name) for name in "abc"]
    site.rules = (Rule("fixed", 1, ("/fixed",), (), (), Action("fixed-response", status=200, body="fixed")),)
    choose = random.Random(seed)
    for turn in range(12):
        site.group("blue", *targets[: 1 + turn % 3])
        site.weigh(blue=1)
        data, wanted = requests(choose)
        with site.open() as sock, sock.makefile("rb") as answers:
            sender = threading.Thread(target=send_in_pieces, args=(sock, data, random.Random(turn)))
            sender.start()
            for n, (status, part) in enumerate(wanted):
                if n == len(wanted) // 2:
                    site.weigh(blue=2)
                assert answers.readline().split()[1] == b"%d" % status
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                body = answers.read(length) if part else b""
                assert part in body
            sender.join()
