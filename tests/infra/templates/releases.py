"""Releases as tests render them."""

from dataclasses import replace
from typing import Any

from infra.bundle import Place
from infra.compose_release import ComposeRelease, Secret, Worker

IMAGE = f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:{'b2' * 32}"
PLAIN = ComposeRelease(
    service="shop",
    stack="dev",
    color="blue",
    fill=3,
    release="r0123456789a",
    image=IMAGE,
    app_port=8000,
    health_path="/health/deep",
)
FULL = replace(
    PLAIN,
    environment={"GREETING": 'it\'s $5, "really"', "LEVEL": "info"},
    secrets=(Secret("DATABASE_PASSWORD", "shop/database", "password"), Secret("LICENCE", "shop/licence")),
    workers=(Worker("jobs", ("worker", "--queue", "$HOME all")),),
)
PLACE = Place(
    bucket="shop-dev-bundles",
    key="releases/blue/3/r0123456789a.tar.gz",
    version="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
    sha256="c3" * 32,
    region="eu-central-1",
    hook="blue-3-boots",
    log_group="/bluegreen/shop/dev/blue",
)


def release(**changes: Any) -> ComposeRelease:
    return replace(PLAIN, **changes)
