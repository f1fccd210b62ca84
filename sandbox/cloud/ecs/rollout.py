"""A service's deployments: begun, completed, failed, taken back; with the service deployments that tell of it."""

import random
import string

from sandbox.cloud.ecs import limits
from sandbox.cloud.ecs.model import Deployment, Revision, Service, ServiceDeployment, arn, now
from sandbox.cloud.ecs.refusals import invalid
from sandbox.cloud.refusals import Refused

BREAKER_ROLLBACK = "Service deployment rolled back because the circuit breaker threshold was exceeded."
USER_ROLLBACK = "Service deployment rolled back because of a user request."


def begin(service: Service, revision: Revision) -> ServiceDeployment:
    """A new deployment takes the first place; one that was under way is over."""
    before = service.deployments[0].revision if service.deployments else None
    if current := current_of(service):
        current.become("STOPPED", "Service deployment was stopped because a newer deployment was started.", ends=True)
        current.stopped_at = current.finished_at
    deployment = Deployment(revision)
    deployment.reason = f"ECS deployment {deployment.id} in progress."
    service.revisions.append(revision)
    service.deployments.insert(0, deployment)
    service.steady = False
    made = ServiceDeployment(
        arn=arn(service.cluster.region, f"service-deployment/{service.cluster.name}/{service.name}/{_id()}"),
        sources=[before] if before is not None else [],
        target=revision,
        configuration=dict(service.configuration),
        deployment=deployment,
    )
    if limits.breaker(service.configuration).get("enable"):
        made.breaker = "MONITORING"
        made.threshold = limits.failure_threshold(service.desired, service.configuration)
    service.service_deployments.insert(0, made)
    return made


def new_revision_arn(service: Service) -> str:
    number = random.randint(10**18, 9 * 10**18)
    return arn(service.cluster.region, f"service-revision/{service.cluster.name}/{service.name}/{number}")


def current_of(service: Service) -> ServiceDeployment | None:
    """The service deployment that is under way."""
    first = service.service_deployments[0] if service.service_deployments else None
    return first if first is not None and not first.ended else None


def completed_before(service: Service, deployment: Deployment) -> Deployment | None:
    """What a rollback of a deployment goes back to: the last one that was complete."""
    return service.last_completed if service.last_completed is not deployment else None


def complete(service: Service) -> None:
    primary = service.primary
    primary.become("COMPLETED", f"ECS deployment {primary.id} completed.")
    primary.failures = 0
    service.last_completed = primary
    service.deployments[:] = [primary]
    current = current_of(service)
    if current is not None:
        current.started_at = current.started_at or now()
        if current.back is not None:
            current.become("ROLLBACK_SUCCESSFUL", ends=True)
        else:
            current.become("SUCCESSFUL", ends=True)
            current.breaker = "MONITORING_COMPLETE" if current.breaker == "MONITORING" else current.breaker
    service.say(f"(deployment {primary.id}) deployment completed.")


def failed_task(service: Service, deployment: Deployment) -> None:
    """One more task of a deployment didn't come up; the circuit breaker may have had enough."""
    deployment.failures += 1
    deployment.failed_tasks += 1
    deployment.updated_at = now()
    current = current_of(service)
    if deployment is not service.primary or deployment.state != "IN_PROGRESS" or current is None:
        return
    if current.back is deployment:
        if 0 < current.threshold <= deployment.failures:
            deployment.become("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
            current.become("ROLLBACK_FAILED", ends=True)
        return
    if deployment.failures == 2:
        service.say(
            "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section "
            "of the Amazon ECS Developer Guide."
        )
    current.failures = deployment.failures
    if current.breaker != "MONITORING" or deployment.failures < current.threshold:
        return
    current.breaker = "TRIGGERED"
    deployment.become("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
    service.say(f"(deployment {deployment.id}) deployment failed: tasks failed to start.")
    back = completed_before(service, deployment)
    if limits.breaker(service.configuration).get("rollback") and back is not None:
        current.reason = BREAKER_ROLLBACK
        go_back(service, current, back, "ECS deployment circuit breaker", BREAKER_ROLLBACK)
    elif back is None:
        current.become(
            "STOPPED",
            "The deployment circuit breaker was triggered and there is no completed deployment to roll back to.",
            ends=True,
        )
    else:
        current.become("STOPPED", "The deployment circuit breaker was triggered.", ends=True)
    current.stopped_at = current.finished_at


def healthy_task(deployment: Deployment, service: Service) -> None:
    """A task came up: failures before it don't count, unless the breaker is told to keep counting."""
    if limits.breaker(service.configuration).get("resetOnHealthyTask", True):
        deployment.failures = 0
        if current := current_of(service):
            current.failures = 0


def go_back(service: Service, current: ServiceDeployment, back: Deployment, who: str, reason: str) -> None:
    """The last complete deployment takes the first place again, with the tasks that it still has."""
    current.back = back
    current.rollback = {"reason": reason, "startedAt": now(), "serviceRevisionArn": back.revision.arn}
    current.become("ROLLBACK_IN_PROGRESS")
    service.deployments[:] = [back, *(each for each in service.deployments if each is not back)]
    service.steady = False
    back.failures, back.next_start = 0, 0.0
    back.created_at = now()
    back.become("IN_PROGRESS", f"{who}: rolling back to deploymentId {back.id}.")
    service.say(f"rolling back to deployment {back.id}.")


def stop(service: Service, current: ServiceDeployment, how: str) -> None:
    """StopServiceDeployment. Raises Refused."""
    if current.ended or current.status not in ("PENDING", "IN_PROGRESS"):
        raise Refused(
            "ConflictException",
            f"The service deployment {current.arn} is in {current.status} status and can't be stopped.",
        )
    if how != "ROLLBACK":
        raise invalid("The stopType ABORT is not supported. Specify ROLLBACK and try again.")
    back = completed_before(service, current.deployment)
    if back is None:
        raise Refused("ConflictException", "There is no completed service revision to roll back to.")
    current.become("ROLLBACK_REQUESTED", USER_ROLLBACK)
    current.deployment.become("FAILED", "ECS deployment was stopped by a user request.")


def take_requested_back(service: Service) -> None:
    """What a user asked for a moment ago begins."""
    current = current_of(service)
    if current is not None and current.status == "ROLLBACK_REQUESTED":
        back = completed_before(service, current.deployment)
        if back is not None:
            go_back(service, current, back, "ECS deployment stopped", USER_ROLLBACK)


def _id() -> str:
    return "".join(random.choices(string.ascii_letters + string.digits + "_", k=21))
