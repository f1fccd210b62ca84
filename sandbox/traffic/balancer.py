"""The parent's handle on the load balancer's data plane, which runs in a process of its own."""

from sandbox.traffic import wire
from sandbox.traffic.child import Child


class Balancer:
    """`proxy_url` is a forward proxy on which every listener answers to its AWS name."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.proxy_url: str = child.greeting["proxy_url"]

    @classmethod
    def start(cls, proxy_port: int = 0) -> "Balancer":
        """Returns when the proxy listens. Raises TrafficError (the port is taken)."""
        return cls(Child("sandbox.traffic.plane", str(proxy_port)))

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.alive

    def apply(self, table: wire.Table) -> dict[str, tuple[str, int]]:
        """Returns when requests go by that table: the address and port of each listener, by ARN.

        Requests that run already end where they are. Raises TrafficError, the old table still in force: a port is
        taken, or a rule names a group that the table lacks.
        """
        bound = self._child.ask("apply", table=wire.dump(table))
        return {arn: (address, port) for arn, (address, port) in bound.items()}

    def counters(self) -> wire.Counters:
        return wire.load(wire.Counters, self._child.ask("counters"))

    def close(self) -> None:
        """Ends the process; requests that still run get a moment to end."""
        self._child.close()
