"""Where clients come in: a listener's own socket, and the proxy on which listeners answer to their AWS names."""

import asyncio

from sandbox.traffic.client_connection import ClientConnection
from sandbox.traffic.counting import Count
from sandbox.traffic.exchange import Room
from sandbox.traffic.live import LiveRules
from sandbox.traffic.request import BadRequest, Request, host_and_port


class _Socket:
    """A listening socket and the connections that came in by it."""

    def __init__(self) -> None:
        self.connections: set[ClientConnection] = set()
        self.closing = False
        self.bound = ("", 0)

    async def _listen(self, door: "ListenerDoor | ProxyDoor", room: Room, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ClientConnection(door, room), address, port, backlog=1024, reuse_address=True
        )
        host, number = self._server.sockets[0].getsockname()[:2]
        self.bound = (host, number)

    def close(self) -> None:
        """Takes no new connections; those that are idle end, the others with their running request."""
        self.closing = True
        self._server.close()
        for connection in tuple(self.connections):
            connection.close_gracefully()


class ListenerDoor(_Socket):
    connect_advice = "a load balancer opens no tunnels"

    def __init__(self, rules: LiveRules) -> None:
        super().__init__()
        self.current = rules
        self.wanted = (rules.spec.address, rules.spec.port)

    def is_at(self, wanted: tuple[str, int]) -> bool:
        """Whether it listens where it should: what asked for any port may name the one it was given."""
        return wanted in (self.wanted, self.bound)

    async def open(self, room: Room) -> None:
        """Raises OSError."""
        await self._listen(self, room, *self.wanted)

    def rules(self, request: Request) -> LiveRules:  # noqa: ARG002
        return self.current

    def count(self) -> Count | None:
        return self.current.count


class ProxyDoor(_Socket):
    """`names`: the listeners by DNS name and by the port that AWS knows."""

    connect_advice = "this proxy speaks plain HTTP only: ask it for http://NAME:443/ to reach an HTTPS listener"

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[tuple[str, int], LiveRules] = {}

    async def open(self, room: Room, port: int) -> None:
        """Raises OSError."""
        await self._listen(self, room, "127.0.0.1", port)

    def rules(self, request: Request) -> LiveRules:
        if not request.scheme:
            raise BadRequest(400, "this is a forward proxy: send the whole URL of a load balancer's listener")
        name, port = host_and_port(request.host, 443 if request.scheme == "https" else 80)
        rules = self.names.get((name, port))
        if rules is None:
            known = ", ".join(f"{dns}:{number}" for dns, number in sorted(self.names)) or "none"
            raise BadRequest(502, f"no listener of this sandbox is {name}:{port}; there are: {known}")
        return rules

    def count(self) -> Count | None:
        return None
