"""Scaling activities: what a group did, when and why, in the words of Auto Scaling."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud.clock import timestamp


@dataclass
class Activity:
    """The attribute names are those of the API's answer."""

    auto_scaling_group_name: str
    auto_scaling_group_arn: str
    description: str
    cause: str
    details: str = "{}"
    status_code: str = "InProgress"
    status_message: str | None = None
    progress: int = 0
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    start_time: datetime = field(default_factory=lambda: datetime.now(UTC))
    end_time: datetime | None = None
    auto_scaling_group_state: str | None = None

    def succeed(self) -> None:
        self._end("Successful")

    def fail(self, message: str) -> None:
        self.status_message = message
        self._end("Failed")

    def cancel(self, message: str) -> None:
        """A launch that a lifecycle hook ended."""
        self.status_message = message
        self.description += f".  Status Reason: {message}"
        self._end("Cancelled")

    def wait_for_a_hook(self) -> None:
        self.status_code = "MidLifecycleAction"

    @property
    def ended(self) -> bool:
        return self.end_time is not None

    def _end(self, code: str) -> None:
        self.status_code, self.progress, self.end_time = code, 100, datetime.now(UTC)


def launching(group: Any, instance: str, subnet: str | None, zone: str, cause: str) -> Activity:
    details = f'{{"Subnet ID":"{subnet}","Availability Zone":"{zone}"}}'
    return Activity(
        group.name, group.arn, f"Launching a new EC2 instance: {instance}", cause, details, "PreInService", progress=30
    )


def failed_launch(group: Any, cause: str, message: str) -> Activity:
    activity = Activity(
        group.name, group.arn, "Launching a new EC2 instance.  Status Reason: " + message, cause, status_code="Failed"
    )
    activity.fail(message)
    return activity


def terminating(group: Any, instance: str, subnet: str | None, zone: str | None, cause: str) -> Activity:
    details = f'{{"Subnet ID":"{subnet}","Availability Zone":"{zone}"}}'
    return Activity(group.name, group.arn, f"Terminating EC2 instance: {instance}", cause, details)


def attaching(group: Any, instance: str) -> Activity:
    cause = f"At {timestamp()} an instance was attached in response to a user request."
    activity = Activity(group.name, group.arn, f"Attaching an existing EC2 instance: {instance}", cause)
    activity.succeed()
    return activity


def changed_by_user(old: int | None, new: int, low: int, high: int) -> str:
    """Why the desired capacity is another now."""
    if old is None:
        return (
            f"At {timestamp()} a user request created an AutoScalingGroup changing the desired capacity "
            f"from 0 to {new}."
        )
    return (
        f"At {timestamp()} a user request update of AutoScalingGroup constraints to min: {low}, max: {high}, "
        f"desired: {new} changing the desired capacity from {old} to {new}."
    )


def started(actual: int, wanted: int) -> str:
    return (
        f"  At {timestamp()} an instance was started in response to a difference between desired and actual capacity, "
        f"increasing the capacity from {actual} to {wanted}."
    )


def taken_out(actual: int, wanted: int, instance: str) -> str:
    return (
        f"  At {timestamp()} an instance was taken out of service in response to a difference between desired and "
        f"actual capacity, shrinking the capacity from {actual} to {wanted}.  At {timestamp()} instance {instance} was "
        "selected for termination."
    )


def abandoned() -> str:
    return (
        f"At {timestamp()} an instance was taken out of service in response to a lifecycle action that was abandoned."
    )


def unhealthy(by: str) -> str:
    """`by`: "ELB", "EC2" or "user"."""
    reason = {
        "ELB": "an ELB system health check failure.",
        "EC2": "an EC2 health check indicating it has been terminated or stopped.",
        "user": "a user health-check.",
    }[by]
    return f"At {timestamp()} an instance was taken out of service in response to {reason}"
