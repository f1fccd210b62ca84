"""The API of instance refreshes, and what an update of a group may not do during one."""

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from sandbox.cloud import launching, stores
from sandbox.cloud.launching import LaunchFailed
from sandbox.cloud.refresh import preferences
from sandbox.cloud.refresh.model import Refresh
from sandbox.cloud.refresh.refreshes import Refreshes
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam


def install(seam: Seam, refreshes: Refreshes) -> None:
    @seam.instead(AutoScalingResponse, "start_instance_refresh")
    def start(response: Any) -> ActionResult:
        group = _group(response)
        strategy = response._get_param("Strategy") or "Rolling"
        if strategy != "Rolling":
            raise Refused("ValidationError", f"The sandbox has no refresh strategy {strategy}, only Rolling")
        asked = response._get_param("DesiredConfiguration")
        wanted = preferences.read(response._get_param("Preferences") or {}, group)
        before = _current(group)
        refresh = Refresh(group, wanted, asked or None, _version(group, asked) if asked else before, before)
        if wanted.auto_rollback and not asked:
            raise Refused("ValidationError", "AutoRollback requires a DesiredConfiguration to be specified.")
        refreshes.start(refresh)
        return ActionResult({"InstanceRefreshId": refresh.id})

    @seam.instead(AutoScalingResponse, "describe_instance_refreshes")
    def describe(response: Any) -> ActionResult:
        ids = response._get_param("InstanceRefreshIds") or []
        found = [each for each in refreshes.of(_group(response)) if not ids or each.id in ids]
        first = int(response._get_param("NextToken") or 0)
        last = first + int(response._get_int_param("MaxRecords") or 50)
        shown = [
            {key: value for key, value in each.described().items() if value is not None} for each in found[first:last]
        ]
        more = {"NextToken": str(last)} if len(found) > last else {}
        return ActionResult({"InstanceRefreshes": shown, **more})

    @seam.instead(AutoScalingResponse, "cancel_instance_refresh")
    def cancel(response: Any) -> ActionResult:
        return ActionResult({"InstanceRefreshId": refreshes.cancel(_group(response)).id})

    @seam.instead(AutoScalingResponse, "rollback_instance_refresh")
    def roll_back(response: Any) -> ActionResult:
        reason = "Rollback initiated by a user request."
        return ActionResult({"InstanceRefreshId": refreshes.roll_back(_group(response), reason).id})

    @seam.around(AutoScalingResponse, "update_auto_scaling_group")
    def update(original: Any, response: Any) -> ActionResult:
        group = _group(response)
        active = refreshes.active(group)
        names = ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")
        if active is not None and active.asked and any(response._get_param(name) for name in names):
            raise Refused(
                "ValidationError",
                "An active instance refresh with a desired configuration exists. All configuration options derived "
                "from the desired configuration are not available for update while the instance refresh is active.",
            )
        answer: ActionResult = original(response)
        return answer


def _group(response: Any) -> Any:
    """Raises Refused."""
    return response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]


def _current(group: Any) -> Any:
    try:
        return launching.current_version(group)
    except LaunchFailed as error:
        raise Refused("ValidationError", str(error)) from error


def _version(group: Any, asked: dict[str, Any]) -> Any:
    """The template version that a desired configuration names. Raises Refused."""
    given = asked.get("LaunchTemplate")
    if not given:
        raise Refused("ValidationError", "The sandbox has desired configurations with a launch template only.")
    backend = stores.ec2(group.region)
    try:
        id, name = given.get("LaunchTemplateId"), given.get("LaunchTemplateName")
        template = backend.get_launch_template(id) if id else backend.get_launch_template_by_name(name)
        return template.get_version(given.get("Version") or "$Default")
    except (ServiceException, KeyError, ValueError) as error:
        message = getattr(error, "message", error)
        raise Refused("ValidationError", f"You must use a valid fully-formed launch template. {message}") from error
