"""The EC2 API as the sandbox answers it: template versions with user data, ends of instances, consoles."""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

from sandbox.cloud.instances import Instances
from sandbox.cloud.seam import Seam


def install(seam: Seam, instances: Instances) -> None:
    _templates(seam)

    @seam.around(InstanceResponse, "run_instances")
    def run_instances(original: Any, response: Any) -> ActionResult:
        answer: ActionResult = original(response)
        reservation: Any = answer.result
        for instance in reservation.instances:
            instances.launched(instance, response.region)
        return answer

    @seam.around(Instance, "terminate")
    def terminate(original: Any, instance: Any) -> Any:
        previous = original(instance)
        _free_addresses(instance)
        instances.ended(instance.id)
        return previous

    @seam.around(Instance, "stop")
    def stop(original: Any, instance: Any) -> Any:
        previous = original(instance)
        instances.ended(instance.id)
        return previous

    @seam.around(Instance, "start")
    def start(original: Any, instance: Any) -> Any:
        previous = original(instance)
        instances.started(instance.id)
        return previous

    @seam.around(Instance, "reboot")
    def reboot(original: Any, instance: Any) -> None:
        original(instance)
        instances.rebooted(instance.id)

    @seam.instead(General, "get_console_output")
    def get_console_output(response: Any) -> ActionResult:
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        output = "\r\n".join(instances.console(instance.id))
        return ActionResult(
            {
                "InstanceId": instance.id,
                "Timestamp": utcnow(),
                "Output": Base64EncodedString.from_raw_string(output),
            }
        )


def _free_addresses(instance: Any) -> None:
    """moto keeps them until the instance is forgotten, which its subnet prevents: after 250 launches one was full."""
    for subnets in instance.ec2_backend.subnets.values():
        if subnet := subnets.get(instance.subnet_id):
            for address in instance._private_ips:
                subnet.del_subnet_ip(address)
    instance._private_ips.clear()


def _templates(seam: Seam) -> None:
    @seam.around(LaunchTemplate, "create_version")
    def create_version(original: Any, template: Any, data: dict[str, Any], description: str) -> Any:
        # moto wants user data in a type of its own, and only gives it that in version 1.
        if isinstance(data.get("UserData"), str | bytes):
            data["UserData"] = parse_user_data(data["UserData"])
        # The template's own tags are no part of what it launches; moto mixes them in.
        specifications = data.get("TagSpecifications") or []
        data["TagSpecifications"] = [each for each in specifications if each.get("ResourceType") != "launch-template"]
        return original(template, data, description)

    @seam.around(LaunchTemplates, "create_launch_template_version")
    def create_launch_template_version(original: Any, response: Any) -> ActionResult:
        # With SourceVersion, the new version starts from that one's data.
        source = response._get_param("SourceVersion")
        id, name = response._get_param("LaunchTemplateId"), response._get_param("LaunchTemplateName")
        if source and (id or name):
            backend = response.ec2_backend
            template = backend.get_launch_template(id) if id else backend.get_launch_template_by_name(name)
            given = response.params.get("LaunchTemplateData") or {}
            response.params["LaunchTemplateData"] = {**template.get_version(source).data, **given}
        answer: ActionResult = original(response)
        return answer
