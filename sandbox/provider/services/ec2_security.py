"""Security groups and their rules."""

# ruff: noqa: ARG002 - every resource takes the same calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Change, Properties
from sandbox.provider.comparing import Changes
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, blocks, flag, number, text, texts
from sandbox.provider.services import ec2
from sandbox.provider.tagging import TAGS

_SOURCES = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
_INLINE = blocks(
    {
        "protocol": text(required=True, folded=True),
        "fromPort": number(-1, 65535, required=True),
        "toPort": number(-1, 65535, required=True),
        "description": text(longest=255),
        "self": flag(False),
        **{key: texts() for key in _SOURCES},
    },
    kept=True,
)


class SecurityGroup(Resource):
    token = "aws:ec2/securityGroup:SecurityGroup"
    label = "EC2 Security Group"
    gone = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "namePrefix": text(longest=229, replaces=True),
        "description": text(longest=255, default="Managed by Pulumi", replaces=True),
        "vpcId": text(kept=True, replaces=True),
        "ingress": _INLINE,
        "egress": _INLINE,
        "revokeRulesOnDelete": flag(False),
        **TAGS,
    }
    computed = ("arn", "ownerId", "tagsAll")

    def create(self, job: Job) -> str:
        answer = job.client("ec2").create_security_group(
            GroupName=job.news.get("name") or prefixed_name(job.news["namePrefix"]),
            Description=job.news["description"],
            **({"VpcId": job.news["vpcId"]} if "vpcId" in job.news else {}),
            **ec2.tagged("security-group", job.news.get("tags")),
        )
        return str(answer["GroupId"])

    def settle(self, job: Job, id_: str) -> None:
        # AWS lets a new group send anything anywhere; like AWS's provider, this takes it away, so that what is
        # allowed is what the program says.
        group = self._group(job, id_)
        if group["IpPermissionsEgress"]:
            client = job.client("ec2")
            client.revoke_security_group_egress(GroupId=id_, IpPermissions=_bare(group["IpPermissionsEgress"]))
        self._authorize(job, id_, job.news.get("ingress", []), job.news.get("egress", []))

    def read(self, job: Job, id_: str) -> Properties | None:
        group = self._group(job, id_)
        if group is None:
            return None
        return {
            "arn": ec2.arn(job, group["OwnerId"], f"security-group/{id_}"),
            "name": group["GroupName"],
            "description": group["Description"],
            "ownerId": group["OwnerId"],
            "vpcId": group.get("VpcId"),
            "ingress": _inline(id_, group["IpPermissions"]),
            "egress": _inline(id_, group["IpPermissionsEgress"]),
            **ec2.tags_of(group),
        }

    def update(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        group = self._group(job, id_)
        if job.changes("ingress") and group["IpPermissions"]:
            client.revoke_security_group_ingress(GroupId=id_, IpPermissions=_bare(group["IpPermissions"]))
        if job.changes("egress") and group["IpPermissionsEgress"]:
            client.revoke_security_group_egress(GroupId=id_, IpPermissions=_bare(group["IpPermissionsEgress"]))
        ingress = job.news.get("ingress", []) if job.changes("ingress") else []
        egress = job.news.get("egress", []) if job.changes("egress") else []
        self._authorize(job, id_, ingress, egress)
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        if job.olds.get("revokeRulesOnDelete"):
            group = self._group(job, id_)
            if group["IpPermissions"]:
                client.revoke_security_group_ingress(GroupId=id_, IpPermissions=_bare(group["IpPermissions"]))
            if group["IpPermissionsEgress"]:
                client.revoke_security_group_egress(GroupId=id_, IpPermissions=_bare(group["IpPermissionsEgress"]))
        ec2.when_free(job, lambda: client.delete_security_group(GroupId=id_), what=f"security group {id_}")

    @staticmethod
    def _group(job: Job, id_: str) -> Any:
        return ec2.only(job.client("ec2").describe_security_groups(GroupIds=[id_])["SecurityGroups"])

    @staticmethod
    def _authorize(job: Job, id_: str, ingress: list[Properties], egress: list[Properties]) -> None:
        client = job.client("ec2")
        if ingress:
            client.authorize_security_group_ingress(GroupId=id_, IpPermissions=_permissions(id_, ingress))
        if egress:
            client.authorize_security_group_egress(GroupId=id_, IpPermissions=_permissions(id_, egress))


def _permissions(group: str, rules: list[Properties]) -> list[dict[str, Any]]:
    permissions = []
    for rule in rules:
        permission: dict[str, Any] = {"IpProtocol": rule["protocol"].lower()}
        if rule["protocol"] != "-1":
            permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
        about = {"Description": rule["description"]} if rule.get("description") else {}
        for key, (name, inner) in _SOURCES.items():
            values = [*rule.get(key, ()), *([group] if key == "securityGroups" and rule.get("self") else [])]
            if values:
                permission[name] = [{inner: value, **about} for value in values]
        permissions.append(permission)
    return permissions


def _inline(group: str, permissions: list[dict[str, Any]]) -> list[Properties]:
    """AWS's permissions as inline rules: those that differ only in their source and say the same belong together."""
    rules: dict[tuple[Any, ...], Properties] = {}
    for permission in permissions:
        protocol = permission["IpProtocol"]
        ports = (0, 0) if protocol == "-1" else (permission.get("FromPort", 0), permission.get("ToPort", 0))
        for key, (name, inner) in _SOURCES.items():
            for source in permission.get(name, []):
                about = source.get("Description", "")
                rule = rules.setdefault(
                    (protocol, *ports, about),
                    {
                        "protocol": protocol,
                        "fromPort": ports[0],
                        "toPort": ports[1],
                        "description": about,
                        "self": False,
                    },
                )
                if key == "securityGroups" and source[inner] == group:
                    rule["self"] = True
                else:
                    rule.setdefault(key, []).append(source[inner])
    return list(rules.values())


def _bare(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As AWS takes them back: without empty lists."""
    return [{key: value for key, value in held.items() if value not in ([], None)} for held in permissions]


class _Rule(Resource):
    label = "VPC Security Group Rule"
    gone = frozenset({"InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound", "InvalidGroup.NotFound"})
    egress: bool
    inputs: ClassVar[Fields] = {
        "securityGroupId": text(required=True, replaces=True),
        "ipProtocol": text(required=True, folded=True),
        "fromPort": number(-1, 65535),
        "toPort": number(-1, 65535),
        "cidrIpv4": text(),
        "cidrIpv6": text(),
        "prefixListId": text(),
        "referencedSecurityGroupId": text(),
        "description": text(longest=255),
        **TAGS,
    }
    computed = ("arn", "securityGroupRuleId", "tagsAll")

    _sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        if sum(key in news for key in self._sources) != 1:
            found.append(("cidrIpv4", f"exactly one of {', '.join(self._sources)} must be specified"))
        if news["ipProtocol"] == "-1" and ("fromPort" in news or "toPort" in news):
            found.append(("fromPort", "all protocols (-1) have no ports: leave fromPort and toPort out"))
        return found

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        """AWS changes what a rule's source is, never what kind of source it has."""
        kinds = {Change.ADD: Change.ADD_REPLACE, Change.DELETE: Change.DELETE_REPLACE}
        return {
            path: kinds.get(change, change) if path[0] in self._sources else change for path, change in changes.items()
        }

    def create(self, job: Job) -> str:
        news, client = job.news, job.client("ec2")
        about = {"Description": news["description"]} if news.get("description") else {}
        permission: dict[str, Any] = {"IpProtocol": news["ipProtocol"].lower()}
        if news["ipProtocol"] != "-1":
            permission |= {"FromPort": news["fromPort"], "ToPort": news["toPort"]}
        if "cidrIpv4" in news:
            permission["IpRanges"] = [{"CidrIp": news["cidrIpv4"], **about}]
        elif "cidrIpv6" in news:
            permission["Ipv6Ranges"] = [{"CidrIpv6": news["cidrIpv6"], **about}]
        elif "prefixListId" in news:
            permission["PrefixListIds"] = [{"PrefixListId": news["prefixListId"], **about}]
        else:
            permission["UserIdGroupPairs"] = [{"GroupId": news["referencedSecurityGroupId"], **about}]
        authorize = client.authorize_security_group_egress if self.egress else client.authorize_security_group_ingress
        answer = authorize(
            GroupId=news["securityGroupId"],
            IpPermissions=[permission],
            **ec2.tagged("security-group-rule", news.get("tags")),
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = job.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id_])
        rule = ec2.only(answer["SecurityGroupRules"])
        if rule is None or bool(rule["IsEgress"]) != self.egress:
            return None
        everything = rule["IpProtocol"] == "-1"
        account = rule.get("GroupOwnerId") or job.account()
        return {
            "arn": rule.get("SecurityGroupRuleArn") or ec2.arn(job, account, f"security-group-rule/{id_}"),
            "securityGroupRuleId": id_,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": None if everything else rule.get("FromPort"),
            "toPort": None if everything else rule.get("ToPort"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "description": rule.get("Description") or None,
            **ec2.tags_of(rule),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changed - {"tags"}:
            names = {
                "ipProtocol": "IpProtocol",
                "fromPort": "FromPort",
                "toPort": "ToPort",
                "cidrIpv4": "CidrIpv4",
                "cidrIpv6": "CidrIpv6",
                "prefixListId": "PrefixListId",
                "referencedSecurityGroupId": "ReferencedGroupId",
                "description": "Description",
            }
            rule = {name: job.news[key] for key, name in names.items() if key in job.news}
            if job.news["ipProtocol"] == "-1":
                rule |= {"FromPort": -1, "ToPort": -1}
            job.client("ec2").modify_security_group_rules(
                GroupId=job.news["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": id_, "SecurityGroupRule": rule}],
            )
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        revoke = client.revoke_security_group_egress if self.egress else client.revoke_security_group_ingress
        revoke(GroupId=job.olds["securityGroupId"], SecurityGroupRuleIds=[id_])


class IngressRule(_Rule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    label = "VPC Security Group Ingress Rule"
    egress = False


class EgressRule(_Rule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    label = "VPC Security Group Egress Rule"
    egress = True


RESOURCES = (SecurityGroup(), IngressRule(), EgressRule())
