"""What a stack has beside network, balancer and colors, as far as its settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.cache import Cache
from infra.colors.platform import Ground
from infra.config_store import ConfigStore
from infra.deployed import Plan
from infra.endpoints import Endpoints
from infra.logs import Logs
from infra.network import Network
from infra.record import Color
from infra.repository import Repository
from infra.secret_store import Readable, Secrets, existing, text_of
from infra.setting_supplies import CACHE_PORT
from infra.settings import Settings


@dataclass(frozen=True)
class KnownSecrets:
    """What AWS said of the secrets that are there, before anything was registered."""

    readable: Mapping[str, Readable]
    token: pulumi.Output[str] | None
    """The cache's."""


def known_secrets(settings: Settings, *, fills: bool) -> KnownSecrets:
    """Asks for what this update needs: all of them where a release is made. Raises Refusal for a missing one."""
    return KnownSecrets(
        existing(settings) if fills else {},
        text_of(settings.cache.token) if settings.cache else None,
    )


class Supplies:
    """All of it. Both colors use it; none of it is part of a release."""

    def __init__(self, settings: Settings, network: Network, plan: Plan, known: KnownSecrets) -> None:
        secrets = Secrets("secret", settings) if any(one.create for one in settings.secrets.values()) else None
        made = secrets.made if secrets else {}
        self.secrets = {**known.readable, **{name: Readable(secret.arn) for name, secret in made.items()}}
        self.store = ConfigStore("bundles", settings)
        logs = Logs("logs", settings)
        repository = Repository("repository", settings) if settings.registry.create else None
        if repository:
            pulumi.export("repository", repository.url)
        self._endpoints = Endpoints("endpoints", settings, network, plan.region) if settings.network.endpoints else None
        self._cache = (
            Cache("cache", settings, settings.cache, network, known.token) if settings.cache and known.token else None
        )
        self.parts: tuple[pulumi.Resource, ...] = tuple(
            one for one in (secrets, self.store, logs, repository, self._endpoints, self._cache) if one
        )
        self.environment: pulumi.Input[Mapping[str, str]] = self._cache.environment if self._cache else {}
        self.behind: tuple[pulumi.Resource, ...] = (*logs.groups, *(self._endpoints.all if self._endpoints else ()))

    def admit(self, grounds: Mapping[Color, Mapping[str, Ground]]) -> None:
        """Lets the instances of every color in, and nobody else."""
        doors: dict[str, tuple[Cache | Endpoints, int]] = {}
        if self._cache:
            doors["cache"] = self._cache, CACHE_PORT
        if self._endpoints:
            doors["endpoints"] = self._endpoints, 443
        for name, (behind, port) in doors.items():
            for color, of in grounds.items():
                for platform, ground in of.items():
                    aws.vpc.SecurityGroupIngressRule(
                        f"{name}-from-{color}-{platform}",
                        security_group_id=behind.security_group.id,
                        referenced_security_group_id=ground.security_group,
                        ip_protocol="tcp",
                        from_port=port,
                        to_port=port,
                        opts=pulumi.ResourceOptions(parent=behind),
                    )
