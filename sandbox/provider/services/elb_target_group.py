"""Target groups: what a rule forwards to, how their health is judged, and how they drain."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, flag, number, text
from sandbox.provider.services import elb
from sandbox.provider.tagging import TAGS

_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "slowStart": "slow_start.duration_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
}
_HEALTH = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}


class TargetGroup(Resource):
    """Of an application load balancer, with instances or addresses as targets."""

    token = "aws:lb/targetGroup:TargetGroup"
    label = "ELBv2 Target Group"
    gone = frozenset({"TargetGroupNotFound"})
    naming = Naming(32)
    inputs: ClassVar[Fields] = {
        "name": text(longest=32, kept=True, replaces=True),
        "namePrefix": text(longest=6, replaces=True),
        "port": number(1, 65535, replaces=True),
        "protocol": text("HTTP", "HTTPS", replaces=True),
        "protocolVersion": text("HTTP1", "HTTP2", "GRPC", kept=True, replaces=True),
        "targetType": text("instance", "ip", default="instance", replaces=True),
        "ipAddressType": text("ipv4", "ipv6", kept=True, replaces=True),
        "vpcId": text(replaces=True),
        "deregistrationDelay": number(0, 3600, default=300),
        "slowStart": number(0, 900, default=0),
        "loadBalancingAlgorithmType": text("round_robin", "least_outstanding_requests", "weighted_random", kept=True),
        "loadBalancingAnomalyMitigation": text("on", "off", kept=True),
        "loadBalancingCrossZoneEnabled": text("true", "false", "use_load_balancer_configuration", kept=True),
        "healthCheck": block(
            {
                "enabled": flag(True),
                "healthyThreshold": number(2, 10, default=3),
                "unhealthyThreshold": number(2, 10, default=3),
                "interval": number(5, 300, default=30),
                "timeout": number(2, 120, kept=True),
                "matcher": text(kept=True),
                "path": text(longest=1024, kept=True),
                "port": text(default="traffic-port"),
                "protocol": text("HTTP", "HTTPS", default="HTTP"),
            },
            kept=True,
        ),
        "stickiness": block(
            {
                "type": text("lb_cookie", "app_cookie", required=True),
                "enabled": flag(True),
                "cookieDuration": number(1, 604800, default=86400),
                "cookieName": text(),
            },
            kept=True,
        ),
        **TAGS,
    }
    computed = ("arn", "arnSuffix", "loadBalancerArns", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        slow = news["slowStart"]
        if isinstance(slow, int) and 0 < slow < 30:
            found.append(("slowStart", f"expected slowStart to be 0 or between 30 and 900, got {slow}"))
        for key in ("port", "protocol", "vpcId"):
            if key not in news:
                found.append((key, f"{key} should be set when target type is {news['targetType']}"))
        check = news.get("healthCheck")
        interval, timeout = (check.get("interval"), check.get("timeout")) if isinstance(check, dict) else (None, None)
        if isinstance(interval, int) and isinstance(timeout, int) and timeout >= interval:
            found.append(("healthCheck.timeout", f"must be below the interval ({interval}), got {timeout}"))
        return found

    def create(self, job: Job) -> str:
        news = job.news
        asked = {
            "Port": "port",
            "Protocol": "protocol",
            "ProtocolVersion": "protocolVersion",
            "VpcId": "vpcId",
            "IpAddressType": "ipAddressType",
        }
        answer = elb.client(job).create_target_group(
            Name=news.get("name") or prefixed_name(news["namePrefix"]),
            TargetType=news["targetType"],
            **{name: news[key] for key, name in ((key, name) for name, key in asked.items()) if key in news},
            **_health_check(news),
            **elb.tagged(news),
        )
        return str(answer["TargetGroups"][0]["TargetGroupArn"])

    def settle(self, job: Job, id_: str) -> None:
        self._set_attributes(job, id_, None)

    def read(self, job: Job, id_: str) -> Properties | None:
        client = elb.client(job)
        group = client.describe_target_groups(TargetGroupArns=[id_])["TargetGroups"][0]
        answer = client.describe_target_group_attributes(TargetGroupArn=id_)["Attributes"]
        values = {held["Key"]: held.get("Value", "") for held in answer}
        return {
            "arn": id_,
            "arnSuffix": elb.arn_suffix(id_, "group"),
            "name": group["TargetGroupName"],
            "port": group.get("Port"),
            "protocol": group.get("Protocol"),
            "protocolVersion": group.get("ProtocolVersion"),
            "targetType": group.get("TargetType"),
            "ipAddressType": group.get("IpAddressType"),
            "vpcId": group.get("VpcId"),
            "loadBalancerArns": sorted(group.get("LoadBalancerArns", [])),
            "healthCheck": {
                **{key: group[name] for key, name in _HEALTH.items() if name in group},
                "matcher": group.get("Matcher", {}).get("HttpCode") or group.get("Matcher", {}).get("GrpcCode"),
            },
            **elb.attribute_outputs(answer, _ATTRIBUTES, frozenset()),
            "stickiness": _stickiness(values),
            **elb.tags_of(job, id_),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("healthCheck"):
            elb.client(job).modify_target_group(TargetGroupArn=id_, **_health_check(job.news))
        self._set_attributes(job, id_, job.changed)
        elb.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        elb.client(job).delete_target_group(TargetGroupArn=id_)

    @staticmethod
    def _set_attributes(job: Job, id_: str, only: frozenset[str] | None) -> None:
        attributes = elb.attribute_list(job.news, _ATTRIBUTES, only)
        sticky = job.news.get("stickiness")
        if sticky and (only is None or "stickiness" in only):
            kind = sticky["type"]
            attributes += [
                {"Key": "stickiness.enabled", "Value": elb.written(sticky["enabled"])},
                {"Key": "stickiness.type", "Value": kind},
            ]
            duration = elb.written(sticky["cookieDuration"])
            attributes.append({"Key": f"stickiness.{kind}.duration_seconds", "Value": duration})
            if kind == "app_cookie":
                attributes.append({"Key": "stickiness.app_cookie.cookie_name", "Value": sticky["cookieName"]})
        elif only is not None and "stickiness" in only:
            attributes.append({"Key": "stickiness.enabled", "Value": "false"})
        if attributes:
            elb.client(job).modify_target_group_attributes(TargetGroupArn=id_, Attributes=attributes)


def _health_check(news: Properties) -> dict[str, Any]:
    check = news.get("healthCheck")
    if not check:
        return {}
    asked: dict[str, Any] = {name: check[key] for key, name in _HEALTH.items() if key in check}
    if "matcher" in check:
        kind = "GrpcCode" if news.get("protocolVersion") == "GRPC" else "HttpCode"
        asked["Matcher"] = {kind: check["matcher"]}
    return asked


def _stickiness(values: dict[str, str]) -> Properties | None:
    kind = values.get("stickiness.type")
    if not kind:
        return None
    sticky: Properties = {"type": kind, "enabled": values.get("stickiness.enabled") == "true"}
    duration = values.get(f"stickiness.{kind}.duration_seconds")
    if duration:
        sticky["cookieDuration"] = int(duration)
    if kind == "app_cookie":
        sticky["cookieName"] = values.get("stickiness.app_cookie.cookie_name")
    return sticky


RESOURCES = (TargetGroup(),)
