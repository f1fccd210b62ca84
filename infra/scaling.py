"""What a fleet's capacity follows, above its floor. Like the bounds it follows the settings at once."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.setting_supplies import Scaling


def follow(
    name: str,
    chosen: Scaling,
    group: pulumi.Input[str],
    label: pulumi.Input[str],
    parent: pulumi.Resource,
) -> list[aws.autoscaling.Policy]:
    """The policies of one fleet. `label` is the balancer's ARN suffix, a slash, and the target group's.

    The scaler never goes below the group's minimum, which is the floor: a standby without requests keeps what the
    active color needs for as long as the record says so.
    """
    metrics = {
        "cpu": (chosen.cpu, "ASGAverageCPUUtilization", None),
        "requests": (chosen.requests, "ALBRequestCountPerTarget", label),
    }
    return [
        aws.autoscaling.Policy(
            f"{name}-{key}",
            autoscaling_group_name=group,
            policy_type="TargetTrackingScaling",
            estimated_instance_warmup=chosen.warmup,
            target_tracking_configuration=aws.autoscaling.PolicyTargetTrackingConfigurationArgs(
                target_value=target,
                predefined_metric_specification=(
                    aws.autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type=metric, resource_label=labelled
                    )
                ),
            ),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for key, (target, metric, labelled) in metrics.items()
        if target is not None
    ]
