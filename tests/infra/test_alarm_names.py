"""The names of alarms: each its own, none too long."""

from __future__ import annotations

from infra.alarm_names import KINDS, alarm_names, dimension
from infra.record import COLORS, PLATFORMS


def test_every_color_has_each_kind_on_each_platform_under_a_name_of_its_own() -> None:
    names = alarm_names("shop", "dev", PLATFORMS)
    flat = [name for of in names.values() for some in of.values() for name in some]
    assert len(flat) == len(set(flat)) == len(COLORS) * len(PLATFORMS) * len(KINDS)
    assert names["green"]["fargate"] == (
        "shop/dev/green/fargate/errors",
        "shop/dev/green/fargate/latency",
        "shop/dev/green/fargate/unhealthy-hosts",
    )


def test_the_longest_names_of_project_and_stack_fit() -> None:
    names = alarm_names("p" * 100, "s" * 100, PLATFORMS)
    assert max(len(name) for of in names.values() for some in of.values() for name in some) <= 255


def test_dimensions_are_the_names_that_cloudwatch_has() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:"
    assert dimension(f"{arn}loadbalancer/app/shop/50dc6c495c0c9188") == "app/shop/50dc6c495c0c9188"
    assert dimension(f"{arn}targetgroup/blue/73e2d6bc24d8a067") == "targetgroup/blue/73e2d6bc24d8a067"
