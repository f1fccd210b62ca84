"""Whatever a target can be: an EC2 instance by its id, a task by its address. One way to ask for both."""

from typing import Any

from sandbox.cloud.ecs.tasks import Tasks
from sandbox.cloud.instances import Instances


class Hosts:
    def __init__(self, instances: Instances, tasks: Tasks) -> None:
        self._instances = instances
        self._tasks = tasks

    def wrong_state(self, id: str) -> str:
        """The EC2 state for which a load balancer checks an instance no more; "" for one to check, and for tasks."""
        machine = self._instances.machines.get(id)
        return "" if machine is None or machine.alive else str(machine.instance.state)

    def alive(self, id: str) -> bool:
        """Whether there may be requests for it to end. Of an address that nobody here knows, nothing is known."""
        machine = self._instances.machines.get(id)
        if machine is not None:
            return machine.alive
        return id not in self._tasks.by_ip or self._tasks.alive(id)

    def admits(self, id: str, port: int, balancer: Any) -> bool:
        if id in self._tasks.by_ip:
            return self._tasks.admits(id, port, balancer)
        return self._instances.admits(id, port, balancer)

    def endpoint(self, id: str, port: int, balancer: Any = None) -> tuple[str, int]:
        if id in self._tasks.by_ip:
            return self._tasks.endpoint(id, port, balancer)
        return self._instances.endpoint(id, port, balancer)
