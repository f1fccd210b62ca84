"""Application load balancers."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Naming, block, flag, number, text, texts
from sandbox.provider.services import elb
from sandbox.provider.tagging import TAGS

_FLAGS = {
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
}
_ATTRIBUTES = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
    **_FLAGS,
}
_LOGS = {"bucket": text(required=True), "enabled": flag(False), "prefix": text()}


class LoadBalancer(Resource):
    token = "aws:lb/loadBalancer:LoadBalancer"
    label = "ELBv2 application Load Balancer"
    gone = frozenset({"LoadBalancerNotFound"})
    naming = Naming(32)
    inputs: ClassVar[Fields] = {
        "name": text(longest=32, kept=True, replaces=True),
        "namePrefix": text(longest=6, replaces=True),
        "internal": flag(kept=True, replaces=True),
        "loadBalancerType": text("application", default="application", replaces=True),
        "ipAddressType": text("ipv4", "dualstack", "dualstack-without-public-ipv4", kept=True),
        "securityGroups": texts(kept=True),
        "subnets": texts(kept=True),
        "accessLogs": block(_LOGS),
        "connectionLogs": block(_LOGS),
        "clientKeepAlive": number(60, 604800, default=3600),
        "desyncMitigationMode": text("monitor", "defensive", "strictest", default="defensive"),
        "idleTimeout": number(1, 4000, default=60),
        "xffHeaderProcessingMode": text("append", "preserve", "remove", default="append"),
        **{key: flag(key == "enableHttp2") for key in _FLAGS},
        **TAGS,
    }
    computed = ("arn", "arnSuffix", "dnsName", "vpcId", "zoneId", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        subnets = news.get("subnets", [])
        if isinstance(subnets, list) and len(subnets) < 2:
            return [("subnets", "an application load balancer needs subnets in at least two zones")]
        return []

    def create(self, job: Job) -> str:
        news = job.news
        answer = elb.client(job).create_load_balancer(
            Name=news.get("name") or prefixed_name(news["namePrefix"]),
            Type=news["loadBalancerType"],
            Scheme="internal" if news.get("internal") else "internet-facing",
            Subnets=news["subnets"],
            **({"SecurityGroups": news["securityGroups"]} if news.get("securityGroups") else {}),
            **({"IpAddressType": news["ipAddressType"]} if "ipAddressType" in news else {}),
            **elb.tagged(news),
        )
        return str(answer["LoadBalancers"][0]["LoadBalancerArn"])

    def settle(self, job: Job, id_: str) -> None:
        client = elb.client(job)

        def active() -> bool:
            balancer = client.describe_load_balancers(LoadBalancerArns=[id_])["LoadBalancers"][0]
            return bool(balancer.get("State", {}).get("Code") != "provisioning")

        job.wait(active, for_what=f"load balancer {id_} to be active", seconds=600)
        self._set_attributes(job, id_, None)

    def read(self, job: Job, id_: str) -> Properties | None:
        client = elb.client(job)
        balancer = client.describe_load_balancers(LoadBalancerArns=[id_])["LoadBalancers"][0]
        answer = client.describe_load_balancer_attributes(LoadBalancerArn=id_)["Attributes"]
        zones = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
        values = {held["Key"]: held.get("Value", "") for held in answer}
        return {
            "arn": id_,
            "arnSuffix": elb.arn_suffix(id_, "balancer"),
            "name": balancer["LoadBalancerName"],
            "dnsName": balancer["DNSName"],
            "zoneId": balancer.get("CanonicalHostedZoneId"),
            "vpcId": balancer.get("VpcId"),
            "internal": balancer.get("Scheme") == "internal",
            "ipAddressType": balancer.get("IpAddressType"),
            "loadBalancerType": balancer.get("Type", "application"),
            "securityGroups": ordered_like(balancer.get("SecurityGroups", []), job.given("securityGroups")),
            "subnets": ordered_like(zones, job.given("subnets")),
            "accessLogs": _logs(values, "access_logs", job.given("accessLogs")),
            "connectionLogs": _logs(values, "connection_logs", job.given("connectionLogs")),
            **elb.attribute_outputs(answer, _ATTRIBUTES, frozenset(_FLAGS)),
            **elb.tags_of(job, id_),
        }

    def update(self, job: Job, id_: str) -> None:
        client = elb.client(job)
        self._set_attributes(job, id_, job.changed)
        if job.changes("securityGroups"):
            client.set_security_groups(LoadBalancerArn=id_, SecurityGroups=job.news.get("securityGroups", []))
        if job.changes("subnets"):
            client.set_subnets(LoadBalancerArn=id_, Subnets=job.news["subnets"])
        if job.changes("ipAddressType"):
            client.set_ip_address_type(LoadBalancerArn=id_, IpAddressType=job.news["ipAddressType"])
        elb.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        elb.client(job).delete_load_balancer(LoadBalancerArn=id_)

    @staticmethod
    def _set_attributes(job: Job, id_: str, only: frozenset[str] | None) -> None:
        attributes = elb.attribute_list(job.news, _ATTRIBUTES, only)
        for key, name in (("accessLogs", "access_logs"), ("connectionLogs", "connection_logs")):
            logs = job.news.get(key)
            if logs and (only is None or key in only):
                attributes += elb.attribute_list(
                    logs,
                    {"enabled": f"{name}.s3.enabled", "bucket": f"{name}.s3.bucket", "prefix": f"{name}.s3.prefix"},
                )
            elif only is not None and key in only:
                attributes.append({"Key": f"{name}.s3.enabled", "Value": "false"})
        if attributes:
            elb.client(job).modify_load_balancer_attributes(LoadBalancerArn=id_, Attributes=attributes)


def _logs(values: dict[str, str], name: str, known: Any) -> Properties | None:
    """Logs that were never asked for and are off are no logs."""
    enabled = values.get(f"{name}.s3.enabled") == "true"
    if not (enabled or known):
        return None
    logs: Properties = {"enabled": enabled, "bucket": values.get(f"{name}.s3.bucket", "")}
    if values.get(f"{name}.s3.prefix"):
        logs["prefix"] = values[f"{name}.s3.prefix"]
    return logs


RESOURCES = (LoadBalancer(),)
