"""The tasks of one fill: roles, the releases that they run, service, and what its desired count may be."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from infra import access, immutable
from infra.colors import task
from infra.colors.cluster import Cluster
from infra.colors.platform import Change, Ground, Site
from infra.colors.released import Standing, release_tags, releases
from infra.colors.task_release import TaskRelease
from infra.record import SERVICE, Color, Slot, worker_service

RENDERING = 1
"""Raise it when this module makes something else from the same settings: a release is known by it."""
_PLATFORM_VERSION = "1.4.0"
"""The first that reads single keys of secrets, and by now the only one for Linux."""
_CALM = 300
"""Seconds between two reductions."""


class Service(pulumi.ComponentResource):
    """Everything is named after color and fill: another fill has other resources.

    Outside the update that fills the color anew only the bounds of its capacity change, and of the color that a
    rollback would go to only the lower one; and, at the end of a handover, the definition. The desired count is the
    scaler's and the driver's after creation.
    """

    capacity: pulumi.Output[str]

    def __init__(self, color: Color, slot: Slot, site: Site, cluster: Cluster, ground: Ground, change: Change) -> None:
        name = f"{color}-{slot.fill}"
        super().__init__("bluegreen:index:Service", f"{name}-tasks")
        self.name, self.color, self.slot, self.site, self.change = name, color, slot, site, change
        self.settings, self.chosen = site.settings, site.settings.fargate
        self.tags = release_tags(site.settings, color, slot)
        execution, _ = self._role("execution", None)
        role, acts = self._role("task", access.shell_policy() if self.chosen.exec else None)

        crew = change.crew

        def made(of: Slot, standing: Standing) -> TaskRelease:
            return TaskRelease(color, of, site, execution, role, tuple(crew.of(of)), standing)

        found = releases(slot, change, self, made)
        runs, self.templates = found.runs, found.templates
        before = [runs.policy, *acts, cluster.providers, *site.behind]
        service = self._service(cluster, ground, runs.definition, [*before, *site.routed])
        self.capacity = pulumi.Output.concat(SERVICE, cluster.name, "/", service.name)
        target = self._bounds(cluster, service)
        self._policies(target, pulumi.Output.concat(site.balancer, "/", ground.measured))
        for name, count in crew.of(found.slot).items():
            self._worker(cluster, ground, runs.workers[name], name, count * crew.active, before)
        self.register_outputs({"service": service.name})

    def _opts(self, arguments: type, **more: Any) -> pulumi.ResourceOptions:
        ignored = None if self.change.anew else immutable.inputs(arguments)
        return pulumi.ResourceOptions(parent=self, ignore_changes=ignored, **more)

    def _role(self, kind: str, policy: pulumi.Input[str] | None) -> tuple[aws.iam.Role, tuple[aws.iam.RolePolicy, ...]]:
        role = aws.iam.Role(
            f"{self.name}-{kind}-role",
            assume_role_policy=access.task_trust(self.site.place),
            tags=self.tags,
            opts=self._opts(aws.iam.RoleArgs),
        )
        if policy is None:
            return role, ()
        allowed = aws.iam.RolePolicy(
            f"{self.name}-{kind}-policy", role=role.name, policy=policy, opts=self._opts(aws.iam.RolePolicyArgs)
        )
        return role, (allowed,)

    def _service(
        self, cluster: Cluster, ground: Ground, definition: aws.ecs.TaskDefinition, before: list[pulumi.Resource]
    ) -> aws.ecs.Service:
        chosen, floor = self.chosen, self.slot.floor
        ignored = ["desiredCount"] if self.change.anew else immutable.inputs(aws.ecs.ServiceArgs, but=self._settled)
        return aws.ecs.Service(
            f"{self.name}-service",
            cluster=cluster.arn,
            task_definition=definition.arn,
            desired_count=max(floor, chosen.desired or 0) if floor else 0,
            **self._everywhere(ground),
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    target_group_arn=ground.target_group,
                    container_name=task.CONTAINER,
                    container_port=self.settings.port,
                )
            ],
            health_check_grace_period_seconds=chosen.grace,
            # Of a target group that no rule forwards to, ECS makes no service.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=ignored, depends_on=before),
        )

    def _worker(
        self,
        cluster: Cluster,
        ground: Ground,
        definition: aws.ecs.TaskDefinition,
        worker: str,
        desired: int,
        before: list[pulumi.Resource],
    ) -> None:
        """A service without traffic. Its desired count is the record's word: every update may change that."""
        free = ("desired_count", *self._settled)
        ignored = None if self.change.anew else immutable.inputs(aws.ecs.ServiceArgs, but=free)
        aws.ecs.Service(
            f"{self.name}-{worker}-active-only",
            name=worker_service(self.color, self.slot.fill, worker),
            cluster=cluster.arn,
            task_definition=definition.arn,
            desired_count=desired,
            **self._everywhere(ground),
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=ignored,
                depends_on=before,
                # No two services have one name.
                delete_before_replace=True,
            ),
        )

    @property
    def _settled(self) -> tuple[str, ...]:
        """What follows the release that stays, in the update that ends a handover."""
        return ("task_definition", "tags") if self.change.handover.ends else ()

    def _everywhere(self, ground: Ground) -> dict[str, Any]:
        """What all services of a release have in common."""
        chosen = self.chosen
        spot = [
            aws.ecs.ServiceCapacityProviderStrategyArgs(
                # At least one task on what is not taken away at two minutes' notice.
                capacity_provider="FARGATE",
                base=1,
                weight=100 - chosen.spot,
            ),
            aws.ecs.ServiceCapacityProviderStrategyArgs(capacity_provider="FARGATE_SPOT", weight=chosen.spot),
        ]
        return {
            "launch_type": None if chosen.spot else "FARGATE",
            "capacity_provider_strategies": spot if chosen.spot else None,
            "platform_version": _PLATFORM_VERSION,
            "network_configuration": aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=self.site.subnets, security_groups=[ground.security_group], assign_public_ip=False
            ),
            "deployment_minimum_healthy_percent": 50,
            "deployment_maximum_percent": 200,
            "deployment_circuit_breaker": aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            "enable_execute_command": chosen.exec,
            "enable_ecs_managed_tags": True,
            "propagate_tags": "SERVICE",
            # Waiting inside an update would hold the stack's lock against a rollback.
            "wait_for_steady_state": False,
            "tags": self.tags,
        }

    def _bounds(self, cluster: Cluster, service: aws.ecs.Service) -> aws.appautoscaling.Target:
        floor = self.slot.floor
        free = ("min_capacity",) if self.change.steady else ("min_capacity", "max_capacity")
        return aws.appautoscaling.Target(
            f"{self.name}-bounds",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", cluster.name, "/", service.name),
            min_capacity=floor,
            max_capacity=max(self.chosen.max, floor) if floor else 0,
            tags=self.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Bounds follow the record in every update, so that one that failed half-way is put right by the next.
                ignore_changes=None if self.change.anew else immutable.inputs(aws.appautoscaling.TargetArgs, but=free),
            ),
        )

    def _requests(self, requests: int | None) -> int | None:
        """What is set for an instance, as much as a task carries of it."""
        ratio = self.chosen.carries / self.settings.compose.carries
        return None if requests is None else max(1, round(requests * ratio))

    def _policies(self, target: aws.appautoscaling.Target, label: pulumi.Input[str]) -> None:
        """Like the bounds they follow the settings at once."""
        scaling = self.settings.scaling
        if scaling is None:
            return
        metrics = {
            "cpu": (scaling.cpu, "ECSServiceAverageCPUUtilization", None),
            "requests": (self._requests(scaling.requests), "ALBRequestCountPerTarget", label),
        }
        for key, (value, metric, labelled) in metrics.items():
            if value is None:
                continue
            aws.appautoscaling.Policy(
                f"{self.name}-{key}",
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=value,
                    scale_out_cooldown=scaling.warmup,
                    scale_in_cooldown=_CALM,
                    predefined_metric_specification=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type=metric, resource_label=labelled
                    ),
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
