"""Keeps the data plane's table that of the API: applied when something changed, and only then."""

import dataclasses
import socket
from typing import Protocol

from sandbox.cloud import stores, tables
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.hosts import Hosts
from sandbox.traffic import wire


class DataPlane(Protocol):
    """The part of traffic's Balancer that the cloud needs."""

    def apply(self, table: wire.Table) -> dict[str, tuple[str, int]]: ...
    def counters(self) -> wire.Counters: ...


class Balancing:
    def __init__(self, plane: DataPlane, health: Health, hosts: Hosts, events: EventLog) -> None:
        self._plane = plane
        self._health = health
        self._hosts = hosts
        self._events = events
        self._ports: dict[str, int] = {}
        self.bound: dict[str, tuple[str, int]] = {}
        self.table = wire.Table(0, (), ())

    def sync(self) -> bool:
        """Returns when requests go by what the API says. Says whether anything had changed."""
        self._choose_ports()
        wanted = tables.build(self._health, self._hosts.endpoint, self._ports, self.table.version)
        if wanted == self.table:
            return False
        wanted = dataclasses.replace(wanted, version=self.table.version + 1)
        try:
            self.bound = self._plane.apply(wanted)
        except RuntimeError as error:
            # Somebody took a port between our look and the data plane's: any other will do.
            wanted = self._on_any_port(wanted)
            self._events.add("balancer", "ports", f"{error}; on any free port instead")
            self.bound = self._plane.apply(wanted)
        self._ports = {arn: port for arn, (_, port) in self.bound.items()}
        # With the ports that were found, so that the next comparison is one of like with like.
        listeners = tuple(
            dataclasses.replace(listener, port=self._ports.get(listener.arn, listener.port))
            for listener in wanted.listeners
        )
        self.table = dataclasses.replace(wanted, listeners=listeners)
        return True

    def counters(self) -> wire.Counters:
        return self._plane.counters()

    def _on_any_port(self, table: wire.Table) -> wire.Table:
        """The table with its new listeners on any port; those that listen already stay."""
        listeners = (
            listener if listener.arn in self.bound else dataclasses.replace(listener, port=0)
            for listener in table.listeners
        )
        return dataclasses.replace(table, listeners=tuple(listeners))

    def _choose_ports(self) -> None:
        """A listener's own port where this machine has it to give, else any."""
        taken = set(self._ports.values())
        for _, listener in stores.listeners():
            if listener.arn not in self._ports:
                port = int(listener.port)
                self._ports[listener.arn] = port if port not in taken and free(port) else 0
                taken.add(port)


def free(port: int) -> bool:
    """Whether this user may listen on the port, and nobody does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((tables.ADDRESS, port))
        except OSError:
            return False
    return True
