"""One launch of a scaling group: its launch template's version turned into an instance in the emptiest zone."""

from collections import Counter
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models.instance_types import INSTANCE_TYPES

from sandbox.cloud import stores
from sandbox.cloud.members import Member, TemplateVersion

ASG_NAME_TAG = "aws:autoscaling:groupName"


class LaunchFailed(Exception):
    """Why a group can't launch, in AWS's words."""


def current_version(group: Any) -> Any:
    """The template version that the group launches now ("$Latest" and "$Default" are looked up anew each time).

    During an instance refresh to another one, that.
    """
    if (wanted := getattr(group, "refreshed_to", None)) is not None:
        return wanted
    template = group.ec2_launch_template
    if template is None:
        raise LaunchFailed("The sandbox launches from launch templates only.")
    if template.id not in stores.ec2(group.region).launch_templates:
        raise LaunchFailed(
            f"The specified launch template, with template ID {template.id}, does not exist. "
            "Launching EC2 instance failed."
        )
    try:
        return template.get_version(group.launch_template_version)
    except ServiceException as error:
        raise LaunchFailed(f"{error.message} Launching EC2 instance failed.") from error


def version_of(version: Any) -> TemplateVersion:
    return TemplateVersion(version.template.id, version.template.name, version.number)


def place(group: Any, members: list[Member]) -> tuple[str | None, str]:
    """Subnet and zone for the next instance: where the group has fewest."""
    crowd = Counter(member.availability_zone for member in members)
    if group.vpc_zone_identifier:
        subnets = [stores.ec2(group.region).get_subnet(id.strip()) for id in group.vpc_zone_identifier.split(",")]
        subnet = min(subnets, key=lambda subnet: crowd[subnet.availability_zone])
        return subnet.id, subnet.availability_zone
    return None, min(group.availability_zones, key=lambda zone: crowd[zone])


def launch(group: Any, version: Any, subnet: str | None, zone: str) -> Any:
    """Makes the instance in moto's store. Raises LaunchFailed."""
    data = version.data
    profile = (data.get("IamInstanceProfile") or {}).copy()
    named = profile.get("Name") or profile.get("Arn")
    if named and named not in stores.instance_profiles():
        kind = "name" if profile.get("Name") else "ARN"
        raise LaunchFailed(f"Invalid IAM Instance Profile {kind}. Launching EC2 instance failed.")
    interfaces = data.get("NetworkInterfaces") or [{}]
    backend = stores.ec2(group.region)
    _check_architecture(backend, version.image_id, version.instance_type)
    try:
        reservation = backend.run_instances(
            version.image_id,
            1,
            version.user_data,
            list(data.get("SecurityGroups") or []),
            security_group_ids=list(data.get("SecurityGroupIds") or interfaces[0].get("Groups") or []),
            instance_type=version.instance_type or "t3.medium",
            is_instance_type_default=False,
            tags={"instance": {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}},
            placement=zone,
            subnet_id=subnet,
            launch_template={"LaunchTemplateId": version.template.id, "Version": version.number},
            associate_public_ip=interfaces[0].get("AssociatePublicIpAddress"),
            metadata_options=data.get("MetadataOptions") or {},
            region_name=group.region,
        )
    except ServiceException as error:
        raise LaunchFailed(f"{error.message} Launching EC2 instance failed.") from error
    except (StopIteration, RuntimeError) as error:  # how moto says that a subnet is full
        raise LaunchFailed(
            f"There are not enough free addresses in subnet '{subnet}' to satisfy the requested number of instances. "
            "Launching EC2 instance failed."
        ) from error
    instance = reservation.instances[0]
    instance.autoscaling_group = group
    if named:
        key = {"iam_instance_profile_name" if profile.get("Name") else "iam_instance_profile_arn": named}
        backend.associate_iam_instance_profile(instance_id=instance.id, **key)
    return instance


def _check_architecture(backend: Any, image: str, type: str | None) -> None:
    """As RunInstances compares the AMI with the instance type (EC2 User Guide, "Troubleshoot instance launch issues").

    Images and types that moto does not know have none.
    """
    known = (INSTANCE_TYPES.get(type or "", {}).get("ProcessorInfo") or {}).get("SupportedArchitectures") or []
    made_for = getattr(backend.amis.get(image), "architecture", None)
    if known and made_for and made_for not in known:
        raise LaunchFailed(
            f"The architecture '{','.join(known)}' of the specified instance type does not match the architecture "
            f"'{made_for}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, "
            "and try again. Launching EC2 instance failed."
        )
