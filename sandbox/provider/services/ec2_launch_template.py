"""Launch templates: every change of what they launch is a new version."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, blocks, flag, labels, number, text, texts
from sandbox.provider.services import ec2
from sandbox.provider.shapes import from_aws, to_aws
from sandbox.provider.tagging import TAGS
from sandbox.provider.values import known_items

# Strings, because AWS's provider tells "false" from "not given".
_FLAGS = frozenset({"ebsOptimized", "deleteOnTermination", "encrypted", "associatePublicIpAddress"})
_NAMES = {"vpcSecurityGroupIds": "SecurityGroupIds", "securityGroupNames": "SecurityGroups"}
_INTERFACE_NAMES = {"securityGroups": "Groups"}
_BOOL = ("true", "false")

_EBS = {
    "deleteOnTermination": text(*_BOOL, kept=True),
    "encrypted": text(*_BOOL),
    "iops": number(kept=True),
    "kmsKeyId": text(),
    "snapshotId": text(),
    "throughput": number(125, 2000, kept=True),
    "volumeSize": number(kept=True),
    "volumeType": text(kept=True),
}
_METADATA = {
    "httpEndpoint": text("enabled", "disabled", kept=True),
    "httpTokens": text("optional", "required", kept=True),
    "httpPutResponseHopLimit": number(1, 64, kept=True),
    "httpProtocolIpv6": text("enabled", "disabled", kept=True),
    "instanceMetadataTags": text("enabled", "disabled", kept=True),
}
_INTERFACE = {
    "associatePublicIpAddress": text(*_BOOL),
    "deleteOnTermination": text(*_BOOL),
    "description": text(),
    "deviceIndex": number(),
    "networkInterfaceId": text(),
    "securityGroups": texts(),
    "subnetId": text(),
}
_LAUNCHED = {
    "blockDeviceMappings": blocks(
        {"deviceName": text(), "noDevice": text(), "virtualName": text(), "ebs": block(_EBS)}, ordered=True
    ),
    "creditSpecification": block({"cpuCredits": text("standard", "unlimited")}),
    "disableApiStop": flag(),
    "disableApiTermination": flag(),
    "ebsOptimized": text(*_BOOL),
    "iamInstanceProfile": block({"arn": text(), "name": text()}),
    "imageId": text(),
    "instanceInitiatedShutdownBehavior": text("stop", "terminate"),
    "instanceType": text(),
    "keyName": text(),
    "metadataOptions": block(_METADATA, kept=True),
    "monitoring": block({"enabled": flag()}),
    "networkInterfaces": blocks(_INTERFACE, ordered=True),
    "placement": block({"availabilityZone": text(), "groupName": text(), "tenancy": text()}),
    "securityGroupNames": texts(),
    "tagSpecifications": blocks({"resourceType": text(), "tags": labels()}, ordered=True),
    "userData": text(),
    "vpcSecurityGroupIds": texts(),
}


class LaunchTemplate(Resource):
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    label = "EC2 Launch Template"
    gone = frozenset({"InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException"})
    naming = Naming(128)
    inputs: ClassVar[Fields] = {
        "name": text(longest=128, kept=True, replaces=True),
        "namePrefix": text(longest=99, replaces=True),
        "description": text(longest=255),
        "defaultVersion": number(1, kept=True),
        "updateDefaultVersion": flag(),
        **_LAUNCHED,
        **TAGS,
    }
    computed = ("arn", "latestVersion", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        if "defaultVersion" in news and "updateDefaultVersion" in news:
            found.append(("defaultVersion", "conflicts with updateDefaultVersion"))
        if "vpcSecurityGroupIds" in news and any(
            "securityGroups" in held for _, held in known_items(news.get("networkInterfaces"))
        ):
            found.append(("vpcSecurityGroupIds", "AWS takes groups on the template or on its interfaces, not both"))
        return found

    def moved(self, news: Properties, changed: frozenset[str]) -> set[str]:
        moved = {"latestVersion"} if self._makes_a_version(changed) else set()
        if news.get("updateDefaultVersion") and (moved or "updateDefaultVersion" in changed):
            moved.add("defaultVersion")
        return moved

    def create(self, job: Job) -> str:
        answer = job.client("ec2").create_launch_template(
            LaunchTemplateName=job.news.get("name") or prefixed_name(job.news["namePrefix"]),
            LaunchTemplateData=_data(job.news),
            **_described(job.news),
            **ec2.tagged("launch-template", job.news.get("tags")),
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        client = job.client("ec2")
        template = ec2.only(client.describe_launch_templates(LaunchTemplateIds=[id_])["LaunchTemplates"])
        if template is None:
            return None
        answer = client.describe_launch_template_versions(LaunchTemplateId=id_, Versions=["$Latest"])
        version = answer["LaunchTemplateVersions"][0]
        return {
            "arn": ec2.arn(job, job.account(), f"launch-template/{id_}"),
            "name": template["LaunchTemplateName"],
            "defaultVersion": template["DefaultVersionNumber"],
            "latestVersion": template["LatestVersionNumber"],
            "description": version.get("VersionDescription") or None,
            **dict.fromkeys(_LAUNCHED),
            **_outputs(version["LaunchTemplateData"]),
            **ec2.tags_of(template),
        }

    def update(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        default = job.news.get("defaultVersion") if job.changes("defaultVersion") else None
        if self._makes_a_version(job.changed):
            answer = client.create_launch_template_version(
                LaunchTemplateId=id_, LaunchTemplateData=_data(job.news), **_described(job.news)
            )
            if job.news.get("updateDefaultVersion"):
                default = answer["LaunchTemplateVersion"]["VersionNumber"]
        elif job.changes("updateDefaultVersion") and job.news.get("updateDefaultVersion"):
            default = job.olds["latestVersion"]
        if default is not None:
            client.modify_launch_template(LaunchTemplateId=id_, DefaultVersion=str(default))
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        job.client("ec2").delete_launch_template(LaunchTemplateId=id_)

    @staticmethod
    def _makes_a_version(changed: frozenset[str]) -> bool:
        return bool(changed & (_LAUNCHED.keys() | {"description"}))


def _described(news: Properties) -> dict[str, str]:
    return {"VersionDescription": news["description"]} if news.get("description") else {}


def _data(news: Properties) -> dict[str, Any]:
    """What a version launches, as AWS takes it."""
    launched = {key: news[key] for key in _LAUNCHED if news.get(key) not in (None, "", [], {})}
    interfaces = [to_aws(held, _INTERFACE_NAMES, _FLAGS) for held in launched.pop("networkInterfaces", [])]
    specifications = [
        {"ResourceType": held["resourceType"], "Tags": tagging.as_list(held.get("tags"))}
        for held in launched.pop("tagSpecifications", [])
    ]
    data: dict[str, Any] = to_aws(launched, _NAMES, _FLAGS)
    if interfaces:
        data["NetworkInterfaces"] = interfaces
    if specifications:
        data["TagSpecifications"] = specifications
    return data


def _outputs(data: dict[str, Any]) -> Properties:
    rest = {name: held for name, held in data.items() if name not in ("NetworkInterfaces", "TagSpecifications")}
    outputs: Properties = {key: held for key, held in from_aws(rest, _NAMES, _FLAGS).items() if key in _LAUNCHED}
    if data.get("NetworkInterfaces"):
        outputs["networkInterfaces"] = from_aws(data["NetworkInterfaces"], _INTERFACE_NAMES, _FLAGS)
    if data.get("TagSpecifications"):
        outputs["tagSpecifications"] = [
            {"resourceType": held["ResourceType"], "tags": tagging.as_map(held["Tags"])}
            for held in data["TagSpecifications"]
        ]
    return outputs


RESOURCES = (LaunchTemplate(),)
