"""The load balancer: production and test listener. Whoever matches no rule gets a 404."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from infra.network import Network
from infra.settings import Settings

# TLS 1.2 and 1.3, without the ciphers that lack forward secrecy (ELB's table of security policies).
_TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"


class LoadBalancer(pulumi.ComponentResource):
    """An application load balancer with the listeners that rules are put on."""

    def __init__(self, name: str, settings: Settings, network: Network) -> None:
        super().__init__("bluegreen:index:LoadBalancer", name)
        self.settings, self.tags = settings, settings.own_tags
        self.security_group = aws.ec2.SecurityGroup(
            f"{name}-access",
            description="The load balancer: open to the networks that the settings allow",
            vpc_id=network.vpc,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._admit()
        self.balancer = aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=False,
            subnets=network.public_subnets,
            security_groups=[self.security_group.id],
            idle_timeout=settings.balancer.idle_timeout,
            drop_invalid_header_fields=True,
            enable_deletion_protection=settings.balancer.protect,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        if settings.balancer.certificate:
            self._listener(
                "redirect",
                80,
                aws.lb.ListenerDefaultActionArgs(
                    type="redirect",
                    redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                        port="443", protocol="HTTPS", status_code="HTTP_301"
                    ),
                ),
                secure=False,
            )
        self.production = self._listener("production", 443 if settings.balancer.certificate else 80, _nothing_here())
        self.test = self._listener("test", settings.balancer.test_port, _nothing_here())
        self.register_outputs({"arn": self.balancer.arn})

    @property
    def url(self) -> pulumi.Output[str]:
        """Where clients reach the production rule."""
        return self._address("")

    @property
    def test_url(self) -> pulumi.Output[str]:
        """Where those who may reach the test listener find the standby."""
        return self._address(f":{self.settings.balancer.test_port}")

    def _address(self, port: str) -> pulumi.Output[str]:
        balancer = self.settings.balancer
        scheme = "https" if balancer.certificate else "http"
        named = balancer.host if balancer.host and not set(balancer.host) & set("*?") else None
        path = balancer.path.partition("*")[0].partition("?")[0].rstrip("/")
        return pulumi.Output.concat(scheme, "://", named or self.balancer.dns_name, port, path)

    def _admit(self) -> None:
        balancer = self.settings.balancer
        doors = [(port, cidr) for port in balancer.ports for cidr in balancer.allowed_cidrs]
        doors += [(balancer.test_port, cidr) for cidr in balancer.test_cidrs]
        for port, cidr in doors:
            family = {"cidr_ipv6": cidr} if ":" in cidr else {"cidr_ipv4": cidr}
            aws.vpc.SecurityGroupIngressRule(
                f"balancer-from-{cidr}-{port}",
                security_group_id=self.security_group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self.tags,
                opts=pulumi.ResourceOptions(parent=self),
                **family,
            )

    def _listener(self, name: str, port: int, action: Any, *, secure: bool = True) -> aws.lb.Listener:
        certificate = self.settings.balancer.certificate if secure else None
        return aws.lb.Listener(
            f"{name}-listener",
            load_balancer_arn=self.balancer.arn,
            port=port,
            protocol="HTTPS" if certificate else "HTTP",
            certificate_arn=certificate,
            ssl_policy=_TLS if certificate else None,
            default_actions=[action],
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _nothing_here() -> aws.lb.ListenerDefaultActionArgs:
    return aws.lb.ListenerDefaultActionArgs(
        type="fixed-response",
        fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
            status_code="404", content_type="text/plain", message_body="no such service"
        ),
    )
