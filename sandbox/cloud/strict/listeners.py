"""Listeners and rules: ports, priorities, conditions and certificates that AWS refuses."""

import re
from typing import Any

from moto.elbv2.responses import ELBV2Response
from moto.elbv2.ssl_policies import SSL_POLICIES

from sandbox.cloud.refusals import Refused, constraint
from sandbox.cloud.seam import Seam
from sandbox.cloud.strict.actions import check_actions

MOST_VALUES = 5  # condition values in one rule
_PATH = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]{1,128}")


def install(seam: Seam) -> None:
    _listeners(seam)
    _rules(seam)


def _listeners(seam: Seam) -> None:
    @seam.around(ELBV2Response, "create_listener")
    def create_listener(original: Any, response: Any) -> Any:
        params = response._get_params()
        balancer = _balancer(response, params["LoadBalancerArn"])
        if params.get("Port") is not None:
            _check_port(balancer, int(params["Port"]))
        _check_tls(params, params.get("Protocol"), held=[])
        check_actions(response.elbv2_backend, balancer.arn, params.get("DefaultActions") or [{}])
        return original(response)

    @seam.around(ELBV2Response, "modify_listener")
    def modify_listener(original: Any, response: Any) -> Any:
        params = response._get_params()
        listener = _listener(response, params["ListenerArn"])
        if params.get("Port") is not None and int(params["Port"]) != int(listener.port):
            _check_port(_balancer(response, listener.load_balancer_arn), int(params["Port"]))
        _check_tls(params, params.get("Protocol") or listener.protocol, held=listener.certificates)
        if params.get("DefaultActions"):
            check_actions(response.elbv2_backend, listener.load_balancer_arn, params["DefaultActions"])
        return original(response)


def _rules(seam: Seam) -> None:
    @seam.around(ELBV2Response, "create_rule")
    def create_rule(original: Any, response: Any) -> Any:
        params = response._get_params()
        listener = _listener(response, params["ListenerArn"])
        priority = int(params["Priority"])
        if not 1 <= priority <= 50000:
            raise Refused("ValidationError", f"Priority '{priority}' must be between '1' and '50000'")
        if any(int(rule.priority) == priority for rule in listener._non_default_rules.values()):
            raise Refused("PriorityInUse", f"Priority '{priority}' is currently in use")
        _check_conditions(params.get("Conditions") or [])
        check_actions(response.elbv2_backend, listener.load_balancer_arn, params.get("Actions") or [{}])
        return original(response)

    @seam.around(ELBV2Response, "modify_rule")
    def modify_rule(original: Any, response: Any) -> Any:
        params = response._get_params()
        rules = response.elbv2_backend.describe_rules(None, [params["RuleArn"]])
        listener = _listener(response, rules[0].listener_arn)
        if rules[0].priority == "default":
            raise Refused("OperationNotPermitted", f"Default rule '{params['RuleArn']}' cannot be modified")
        if params.get("Conditions"):
            _check_conditions(params["Conditions"])
        if params.get("Actions"):
            check_actions(response.elbv2_backend, listener.load_balancer_arn, params["Actions"])
        return original(response)

    @seam.around(ELBV2Response, "delete_rule")
    def delete_rule(original: Any, response: Any) -> Any:
        # Raises RuleNotFound, which moto's own doesn't.
        arn = response._get_params()["RuleArn"]
        if response.elbv2_backend.describe_rules(None, [arn])[0].priority == "default":
            raise Refused("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
        return original(response)


def _balancer(response: Any, arn: str) -> Any:
    balancer = response.elbv2_backend.load_balancers.get(arn)
    if balancer is None:
        raise Refused("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
    return balancer


def _listener(response: Any, arn: str) -> Any:
    found = [
        listener
        for balancer in response.elbv2_backend.load_balancers.values()
        for listener in balancer.listeners.values()
        if listener.arn == arn
    ]
    if not found:
        raise Refused("ListenerNotFound", "One or more listeners not found")
    return found[0]


def _check_port(balancer: Any, port: int) -> None:
    if not 1 <= port <= 65535:
        bound = "greater than or equal to 1" if port < 1 else "less than or equal to 65535"
        raise constraint(port, "port", f"Member must have value {bound}")
    if any(int(listener.port) == port for listener in balancer.listeners.values()):
        raise Refused("DuplicateListener", "A listener already exists on this port for this load balancer")


def _check_tls(params: dict[str, Any], protocol: str | None, held: list[str]) -> None:
    certificates = params.get("Certificates") or []
    if protocol == "HTTPS":
        if not certificates and not held:
            raise Refused("ValidationError", "A certificate must be specified for HTTPS listeners")
        if len(certificates) > 1:
            raise Refused("ValidationError", "Only one certificate can be specified as the default certificate")
        policy = params.get("SslPolicy")
        if policy is not None and policy not in SSL_POLICIES:
            raise Refused("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    elif certificates:
        raise Refused("InvalidConfigurationRequest", f"A certificate cannot be specified for {protocol} listeners")


def _check_conditions(conditions: list[dict[str, Any]]) -> None:
    if not conditions:
        raise Refused("ValidationError", "A condition must be specified")
    count = 0
    for condition in conditions:
        field = condition.get("Field", "")
        config = next((value for key, value in condition.items() if key.endswith("Config")), None) or condition
        values = config.get("Values") or []
        count += len(values)
        if field == "path-pattern":
            for value in values:
                if not _PATH.fullmatch(value):
                    raise Refused("ValidationError", f"The path pattern value '{value}' is not valid")
    if count > MOST_VALUES:
        raise Refused("ValidationError", f"A rule can only have '{MOST_VALUES}' condition values")
