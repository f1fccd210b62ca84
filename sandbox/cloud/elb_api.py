"""The load balancing API as the sandbox answers it: health from the checks, names as AWS gives, rules in order."""

import random
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from sandbox.cloud import stores
from sandbox.cloud.health import Health
from sandbox.cloud.seam import Seam

# Public: "Elastic Load Balancing endpoints" in AWS's General Reference.
HOSTED_ZONES = {
    "eu-central-1": "Z215JYRZR1TBD5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-2": "Z1H1FL5HABSF5",
    "ap-northeast-2": "ZWKZPGTI48KDX",
}

BALANCER_DEFAULTS = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}

GROUP_DEFAULTS = {
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}


def install(seam: Seam, health: Health) -> None:
    _names_and_attributes(seam)
    _targets(seam, health)

    @seam.around(ELBv2Backend, "describe_rules")
    def describe_rules(original: Any, backend: Any, listener_arn: Any, rule_arns: Any) -> Any:
        rules = original(backend, listener_arn, rule_arns)
        return sorted(rules, key=lambda rule: (rule.priority == "default", str(rule.priority).rjust(6)))

    @seam.around(ELBv2Backend, "describe_target_groups")
    def describe_target_groups(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
        # moto notes a group's balancers when a rule is made and never again.
        used = stores.balancers_by_target_group()
        for group in backend.target_groups.values():
            group.load_balancer_arns = [used[group.arn].arn] if group.arn in used else []
        return original(backend, *args, **kwargs)


def _names_and_attributes(seam: Seam) -> None:
    @seam.around(ELBv2Backend, "create_load_balancer")
    def create_load_balancer(original: Any, backend: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["scheme"] = kwargs.get("scheme") or "internet-facing"
        balancer = original(backend, name, *args, **kwargs)
        prefix = "internal-" if balancer.scheme == "internal" else ""
        number = random.randint(10**8, 2 * 10**9)
        balancer.dns_name = f"{prefix}{name}-{number}.{backend.region_name}.elb.amazonaws.com"
        balancer.canonical_hosted_zone_id = HOSTED_ZONES.get(backend.region_name, balancer.canonical_hosted_zone_id)
        balancer.attrs = balancer.attrs | BALANCER_DEFAULTS
        return balancer

    @seam.around(ELBv2Backend, "create_target_group")
    def create_target_group(original: Any, backend: Any, name: str, **kwargs: Any) -> Any:
        group = original(backend, name, **kwargs)
        group.attributes = GROUP_DEFAULTS | {key: str(value) for key, value in group.attributes.items()}
        return group


def _targets(seam: Seam, health: Health) -> None:
    @seam.around(FakeTargetGroup, "register")
    def register(original: Any, group: Any, targets: list[dict[str, Any]]) -> None:
        original(group, targets)
        for target in targets:
            health.registered(group, target["Id"], int(target.get("Port") or group.port))

    @seam.around(FakeTargetGroup, "deregister")
    def deregister(original: Any, group: Any, targets: list[dict[str, Any]]) -> None:
        known = [target for target in targets if target["Id"] in group.targets]
        original(group, known)
        for target in known:
            health.deregistered(group, target["Id"])

    # moto forgets the targets that were terminated; here their state says so until somebody deregisters them.
    seam.replace(FakeTargetGroup, "deregister_terminated_instances", lambda *_: None)

    @seam.instead(FakeTargetGroup, "health_for")
    def health_for(group: Any, target: dict[str, Any], *_: Any) -> FakeHealthStatus:
        port = target.get("Port")
        (state, reason, description), port = health.describe(group, target["Id"], port)
        check_port = port if group.health_check_port == "traffic-port" else group.health_check_port
        return FakeHealthStatus(target["Id"], str(port), str(check_port), state, reason, description)

    @seam.around(ELBv2Backend, "describe_target_health")
    def describe_target_health(original: Any, backend: Any, target_group_arn: str, targets: Any) -> Any:
        if not targets:
            targets = [{"Id": target.id, "Port": target.port} for target in health.of_group(target_group_arn)]
            if not targets and target_group_arn in backend.target_groups:
                return []
        return original(backend, target_group_arn, targets)
