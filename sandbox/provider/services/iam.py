"""Roles, what they may do, and the profiles that give them to instances."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

import json
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Json, Naming, blocks, flag, json_text, number, text, texts
from sandbox.provider.tagging import TAGS

_GONE = frozenset({"NoSuchEntity"})


class Role(Resource):
    token = "aws:iam/role:Role"
    label = "IAM Role"
    regional = False
    gone = _GONE
    naming = Naming(64)
    inputs: ClassVar[Fields] = {
        "name": text(longest=64, kept=True, replaces=True),
        "namePrefix": text(longest=38, replaces=True),
        "assumeRolePolicy": json_text(required=True),
        "description": text(longest=1000),
        "forceDetachPolicies": flag(False),
        "inlinePolicies": blocks({"name": text(), "policy": json_text()}, key="name", kept=True),
        "managedPolicyArns": texts(kept=True),
        "maxSessionDuration": number(3600, 43200, default=3600),
        "path": text(longest=512, default="/", replaces=True),
        "permissionsBoundary": text(),
        **TAGS,
    }
    computed = ("arn", "createDate", "uniqueId", "tagsAll")

    def create(self, job: Job) -> str:
        news = job.news
        answer = _iam(job).create_role(
            RoleName=news.get("name") or prefixed_name(news["namePrefix"]),
            AssumeRolePolicyDocument=news["assumeRolePolicy"],
            Path=news["path"],
            MaxSessionDuration=news["maxSessionDuration"],
            **({"Description": news["description"]} if news.get("description") else {}),
            **({"PermissionsBoundary": news["permissionsBoundary"]} if news.get("permissionsBoundary") else {}),
            **({"Tags": tagging.as_list(news["tags"])} if news.get("tags") else {}),
        )
        return str(answer["Role"]["RoleName"])

    def settle(self, job: Job, id_: str) -> None:
        self._update_policies(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        client = _iam(job)
        role = client.get_role(RoleName=id_)["Role"]
        outputs = {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "uniqueId": role["RoleId"],
            "createDate": _time(role["CreateDate"]),
            "assumeRolePolicy": _document(role["AssumeRolePolicyDocument"], job.given("assumeRolePolicy")),
            "description": role.get("Description") or None,
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "path": role["Path"],
            "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            **tagging.outputs(tagging.as_map(role.get("Tags"))),
        }
        if job.given("managedPolicyArns") is not None:
            arns = self._attached(job, id_)
            outputs["managedPolicyArns"] = ordered_like(arns, job.given("managedPolicyArns"))
        if job.given("inlinePolicies") is not None:
            known = {held.get("name"): held.get("policy") for held in job.given("inlinePolicies")}
            outputs["inlinePolicies"] = [
                {"name": name, "policy": _document(_inline(job, id_, name), known.get(name))}
                for name in client.list_role_policies(RoleName=id_)["PolicyNames"]
            ]
        return outputs

    def update(self, job: Job, id_: str) -> None:
        client, news = _iam(job), job.news
        if job.changes("assumeRolePolicy"):
            client.update_assume_role_policy(RoleName=id_, PolicyDocument=news["assumeRolePolicy"])
        if job.changes("description", "maxSessionDuration"):
            client.update_role(
                RoleName=id_, Description=news.get("description", ""), MaxSessionDuration=news["maxSessionDuration"]
            )
        if job.changes("permissionsBoundary"):
            if news.get("permissionsBoundary"):
                client.put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=news["permissionsBoundary"])
            else:
                client.delete_role_permissions_boundary(RoleName=id_)
        self._update_policies(job, id_)
        put, drop = tagging.delta(job)
        if drop:
            client.untag_role(RoleName=id_, TagKeys=drop)
        if put:
            client.tag_role(RoleName=id_, Tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        client, olds = _iam(job), job.olds
        for profile in client.list_instance_profiles_for_role(RoleName=id_)["InstanceProfiles"]:
            client.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=id_)
        if olds.get("forceDetachPolicies") or "managedPolicyArns" in olds:
            for arn in self._attached(job, id_):
                client.detach_role_policy(RoleName=id_, PolicyArn=arn)
        if olds.get("forceDetachPolicies") or "inlinePolicies" in olds:
            for name in client.list_role_policies(RoleName=id_)["PolicyNames"]:
                client.delete_role_policy(RoleName=id_, PolicyName=name)
        client.delete_role(RoleName=id_)

    def _update_policies(self, job: Job, id_: str) -> None:
        client = _iam(job)
        if "managedPolicyArns" in job.news:
            new, old = set(job.news["managedPolicyArns"]), set(job.olds.get("managedPolicyArns", []))
            for arn in sorted(new - old):
                client.attach_role_policy(RoleName=id_, PolicyArn=arn)
            for arn in sorted(old - new):
                client.detach_role_policy(RoleName=id_, PolicyArn=arn)
        if "inlinePolicies" in job.news:
            for held in job.news["inlinePolicies"]:
                client.put_role_policy(RoleName=id_, PolicyName=held["name"], PolicyDocument=held["policy"])
            kept = {held["name"] for held in job.news["inlinePolicies"]}
            for held in job.olds.get("inlinePolicies", []):
                if held["name"] not in kept:
                    client.delete_role_policy(RoleName=id_, PolicyName=held["name"])

    @staticmethod
    def _attached(job: Job, id_: str) -> list[str]:
        answer = _iam(job).list_attached_role_policies(RoleName=id_)
        return [held["PolicyArn"] for held in answer["AttachedPolicies"]]


class RolePolicy(Resource):
    token = "aws:iam/rolePolicy:RolePolicy"
    label = "IAM Role Policy"
    regional = False
    gone = _GONE
    naming = Naming(128)
    inputs: ClassVar[Fields] = {
        "name": text(longest=128, kept=True, replaces=True),
        "namePrefix": text(longest=102, replaces=True),
        "role": text(required=True, replaces=True),
        "policy": json_text(required=True),
    }

    def create(self, job: Job) -> str:
        name = job.news.get("name") or prefixed_name(job.news["namePrefix"])
        self._put(job, name)
        return f"{job.news['role']}:{name}"

    def read(self, job: Job, id_: str) -> Properties | None:
        role, _, name = id_.partition(":")
        document = _document(_inline(job, role, name), job.given("policy"))
        return {"role": role, "name": name, "policy": document}

    def update(self, job: Job, id_: str) -> None:
        self._put(job, id_.partition(":")[2])

    def delete(self, job: Job, id_: str) -> None:
        role, _, name = id_.partition(":")
        _iam(job).delete_role_policy(RoleName=role, PolicyName=name)

    @staticmethod
    def _put(job: Job, name: str) -> None:
        _iam(job).put_role_policy(RoleName=job.news["role"], PolicyName=name, PolicyDocument=job.news["policy"])


class RolePolicyAttachment(Resource):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    label = "IAM Role Policy Attachment"
    regional = False
    gone = _GONE
    inputs: ClassVar[Fields] = {
        "role": text(required=True, replaces=True),
        "policyArn": text(required=True, replaces=True),
    }

    def create(self, job: Job) -> str:
        role, arn = job.news["role"], job.news["policyArn"]
        _iam(job).attach_role_policy(RoleName=role, PolicyArn=arn)
        return f"{role}/{arn}"

    def read(self, job: Job, id_: str) -> Properties | None:
        role, _, arn = id_.partition("/")
        attached = _iam(job).list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        if arn not in [held["PolicyArn"] for held in attached]:
            return None
        return {"role": role, "policyArn": arn}

    def delete(self, job: Job, id_: str) -> None:
        _iam(job).detach_role_policy(RoleName=job.olds["role"], PolicyArn=job.olds["policyArn"])


class InstanceProfile(Resource):
    token = "aws:iam/instanceProfile:InstanceProfile"
    label = "IAM Instance Profile"
    regional = False
    gone = _GONE
    naming = Naming(128)
    inputs: ClassVar[Fields] = {
        "name": text(longest=128, kept=True, replaces=True),
        "namePrefix": text(longest=102, replaces=True),
        "path": text(default="/", replaces=True),
        "role": text(),
        **TAGS,
    }
    computed = ("arn", "createDate", "uniqueId", "tagsAll")

    def create(self, job: Job) -> str:
        news = job.news
        answer = _iam(job).create_instance_profile(
            InstanceProfileName=news.get("name") or prefixed_name(news["namePrefix"]),
            Path=news["path"],
            **({"Tags": tagging.as_list(news["tags"])} if news.get("tags") else {}),
        )
        return str(answer["InstanceProfile"]["InstanceProfileName"])

    def settle(self, job: Job, id_: str) -> None:
        if job.news.get("role"):
            _iam(job).add_role_to_instance_profile(InstanceProfileName=id_, RoleName=job.news["role"])

    def read(self, job: Job, id_: str) -> Properties | None:
        profile = _iam(job).get_instance_profile(InstanceProfileName=id_)["InstanceProfile"]
        return {
            "arn": profile["Arn"],
            "name": profile["InstanceProfileName"],
            "path": profile["Path"],
            "uniqueId": profile["InstanceProfileId"],
            "createDate": _time(profile["CreateDate"]),
            "role": profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
            **tagging.outputs(tagging.as_map(profile.get("Tags"))),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("role"):
            self._remove_roles(job, id_)
            self.settle(job, id_)
        put, drop = tagging.delta(job)
        if drop:
            _iam(job).untag_instance_profile(InstanceProfileName=id_, TagKeys=drop)
        if put:
            _iam(job).tag_instance_profile(InstanceProfileName=id_, Tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        self._remove_roles(job, id_)
        _iam(job).delete_instance_profile(InstanceProfileName=id_)

    @staticmethod
    def _remove_roles(job: Job, id_: str) -> None:
        profile = _iam(job).get_instance_profile(InstanceProfileName=id_)["InstanceProfile"]
        for role in profile["Roles"]:
            _iam(job).remove_role_from_instance_profile(InstanceProfileName=id_, RoleName=role["RoleName"])


def _iam(job: Job) -> Any:
    return job.client("iam")


def _inline(job: Job, role: str, name: str) -> Any:
    return _iam(job).get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _document(answer: Any, known: str | None) -> str:
    """As it was written, if it still says the same: botocore hands documents back parsed."""
    written = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
    return known if known is not None and Json().same(known, written) else written


def _time(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else str(value)


RESOURCES = (Role(), RolePolicy(), RolePolicyAttachment(), InstanceProfile())
