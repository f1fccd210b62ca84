"""Where traffic goes: the production rule with both colors' weights, the test rule to the standby.

These two and the record are all that a shift changes; nothing else may depend on which color is active.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra.load_balancer import LoadBalancer
from infra.record import COLORS, Color, Record, weights
from infra.settings import Settings

_PRIORITY = 100


class Routing(pulumi.ComponentResource):
    """The listener rules."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        balancer: LoadBalancer,
        record: Record,
        groups: Mapping[Color, pulumi.Input[str]],
    ) -> None:
        super().__init__("bluegreen:index:Routing", name)
        opts = pulumi.ResourceOptions(parent=self, protect=settings.protect)
        share, sticky = weights(record), settings.balancer.stickiness
        self.production = aws.lb.ListenerRule(
            "production-rule",
            listener_arn=balancer.production.arn,
            priority=_PRIORITY,
            conditions=_conditions(settings),
            actions=[
                aws.lb.ListenerRuleActionArgs(
                    type="forward",
                    forward=aws.lb.ListenerRuleActionForwardArgs(
                        target_groups=[
                            aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=groups[color], weight=share[color])
                            for color in COLORS
                        ],
                        # Explicit also when off: the API takes no several groups without it. A duration has to be
                        # named in any case.
                        stickiness=aws.lb.ListenerRuleActionForwardStickinessArgs(
                            enabled=sticky > 0, duration=sticky or 1
                        ),
                    ),
                )
            ],
            tags=settings.own_tags,
            opts=opts,
        )
        self.test = aws.lb.ListenerRule(
            "test-rule",
            listener_arn=balancer.test.arn,
            priority=_PRIORITY,
            conditions=_conditions(settings),
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=groups[record.idle])],
            tags=settings.own_tags,
            opts=opts,
        )
        self.register_outputs({"production": self.production.arn, "test": self.test.arn})


def _conditions(settings: Settings) -> list[aws.lb.ListenerRuleConditionArgs]:
    balancer = settings.balancer
    path = aws.lb.ListenerRuleConditionPathPatternArgs(values=[balancer.path])
    conditions = [aws.lb.ListenerRuleConditionArgs(path_pattern=path)]
    if balancer.host:
        host = aws.lb.ListenerRuleConditionHostHeaderArgs(values=[balancer.host])
        conditions.append(aws.lb.ListenerRuleConditionArgs(host_header=host))
    return conditions
