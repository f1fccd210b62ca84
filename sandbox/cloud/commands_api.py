"""Run Command's part of the SSM API. moto answers that every command succeeded at once, and knows no instances."""

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.models import Command, SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from sandbox.cloud.commands import Commands, information
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

DOCUMENT = "AWS-RunShellScript"
PLUGIN = "aws:runShellScript"
LONGEST_COMMENT = 100
_EXECUTION = 3600.0  # seconds, where a request names none


def install(seam: Seam, commands: Commands) -> None:
    @seam.instead(SimpleSystemManagerResponse, "describe_instance_information")
    def describe_instance_information(response: Any) -> ActionResult:
        wanted = {each["Key"]: each["Values"] for each in response._get_param("Filters", [])}
        if unknown := wanted.keys() - {"InstanceIds", "PingStatus"}:
            raise Refused("InvalidInstanceInformationFilterValue", f"The sandbox knows no filter {sorted(unknown)[0]}")
        ids = wanted.get("InstanceIds")
        found = [each for each in commands.managed() if each.region == response.region]
        found = [each for each in found if ids is None or each.id in ids]
        if "Online" not in wanted.get("PingStatus", ["Online"]):
            found = []
        return ActionResult({"InstanceInformationList": [information(each) for each in found]})

    @seam.around(SimpleSystemManagerBackend, "send_command")
    def send_command(original: Any, backend: Any, **asked: Any) -> Any:
        if asked["document_name"] != DOCUMENT:
            raise Refused("InvalidDocument", f"The sandbox runs {DOCUMENT} only, not {asked['document_name']}")
        if len(asked["comment"] or "") > LONGEST_COMMENT:
            raise Refused("ValidationException", "Member must have length less than or equal to 100: comment")
        if asked["targets"] or not asked["instance_ids"]:
            raise Refused("ValidationException", "The sandbox sends commands to InstanceIds only")
        parameters = asked["parameters"] or {}
        if not parameters.get("commands"):
            raise Refused("InvalidParameters", "Parameter commands is required")
        limit = float((parameters.get("executionTimeout") or [_EXECUTION])[0])
        named = list(asked["instance_ids"])
        command = original(backend, **asked)
        # Where no targets are given moto adds every instance of the region, those that are gone included.
        command.instance_ids, command.target_count = named, len(named)
        try:
            commands.send(command.command_id, named, parameters["commands"], limit)
        except Refused:
            backend._commands.remove(command)
            raise
        # moto says Success at once.
        command.status = command.status_details = "Pending"
        command.completed_count = 0
        return command

    @seam.around(Command, "response_object")
    def response_object(original: Any, command: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(command)
        states = [state for id in command.instance_ids if (state := commands.state(command.command_id, id))]
        for wanted in ("InProgress", "Pending", "Failed", "TimedOut"):
            if any(state.status == wanted for state in states):
                return {**found, "Status": wanted, "StatusDetails": wanted}
        return {**found, "Status": "Success", "StatusDetails": "Success", "CompletedCount": len(states)}

    @seam.instead(SimpleSystemManagerBackend, "get_command_invocation")
    def get_command_invocation(backend: Any, command_id: str, instance_id: str, plugin_name: str | None) -> Any:
        command = next((each for each in backend._commands if each.command_id == command_id), None)
        state = commands.state(command_id, instance_id)
        if command is None or state is None or plugin_name not in (None, PLUGIN):
            raise Refused("InvocationDoesNotExist", "")
        return {
            "CommandId": command_id,
            "InstanceId": instance_id,
            "Comment": command.comment,
            "DocumentName": DOCUMENT,
            "PluginName": PLUGIN,
            "ResponseCode": state.code,
            "ExecutionStartDateTime": command.requested_date_time.isoformat() + "Z",
            **({"ExecutionEndDateTime": datetime.now(UTC).isoformat()} if state.over else {}),
            "Status": state.status,
            "StatusDetails": state.details or state.status,
            "StandardOutputContent": state.out,
            "StandardErrorContent": state.error,
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
        }

    @seam.instead(SimpleSystemManagerResponse, "list_command_invocations")
    def list_command_invocations(response: Any) -> ActionResult:
        id, instance = response._get_param("CommandId"), response._get_param("InstanceId")
        entries = []
        for command in response.ssm_backend._commands:
            for each in command.instance_ids:
                state = commands.state(command.command_id, each)
                if state and id in (None, command.command_id) and instance in (None, each):
                    entries.append(_entry(command, each, state))
        return ActionResult({"CommandInvocations": entries})


def _entry(command: Any, instance: str, state: Any) -> dict[str, Any]:
    return {
        "CommandId": command.command_id,
        "InstanceId": instance,
        "Comment": command.comment,
        "DocumentName": DOCUMENT,
        "RequestedDateTime": command.requested_date_time,
        "Status": state.status,
        "StatusDetails": state.details or state.status,
    }
