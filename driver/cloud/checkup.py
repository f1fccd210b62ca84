"""AWS's side: where calls go, as whom, what they may do; and what the record says of the stack."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import urlsplit

from driver.cloud.account import Credentials, refuse_other_account
from driver.errors import Invalid
from driver.findings import Finding, missing, ok, warning
from driver.observe import look, witnessed
from driver.ports import Cloud
from driver.release.snapshot import Stored
from driver.release.watcher import parse, watched


class Asked(Cloud, Protocol):
    """A cloud that also says which calls it would refuse."""

    def denied(self, service: str, operation: str, **asked: Any) -> str: ...


class Account:
    """One stack's AWS. Everything is read once; what fails fails for each check that needs it."""

    def __init__(self, environ: Mapping[str, str], credentials: Credentials, make: Callable[[], Asked]) -> None:
        self._environ = environ
        self._credentials = credentials
        self._make = make

    @cached_property
    def _cloud(self) -> Asked:
        return self._make()

    @cached_property
    def _stored(self) -> Stored:
        return self._cloud.stored()

    def endpoint(self) -> Finding:
        url = self._environ.get("AWS_ENDPOINT_URL", "")
        region = self._cloud.region
        if not region:
            raise Invalid(
                "no region is set",
                "neither the stack's config nor the environment names one",
                ("$ pulumi config set aws:region eu-central-1",),
            )
        if not url:
            return ok(f"AWS itself, {region}")
        parts = urlsplit(url)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 443), timeout=3).close()
        except OSError as error:
            return missing(f"nothing answers at {url} (AWS_ENDPOINT_URL): {error}", "sandbox start", "sandbox status")
        return ok(f"{url} (AWS_ENDPOINT_URL), {region}")

    def credentials(self) -> Finding:
        return ok(f"account {self._cloud.account()}" + self._through())

    def _through(self) -> str:
        parts = [f"profile {self._credentials.profile}"] if self._credentials.profile else []
        parts += [f"role {role.arn}" for role in self._credentials.roles]
        return f", by {' and '.join(parts)}" if parts else ""

    def account(self) -> Finding:
        deployed = self._stored.deployed
        found = self._cloud.account()
        refuse_other_account(found, deployed.account if deployed else "", self._credentials)
        if deployed and deployed.region and self._cloud.region != deployed.region:
            return missing(
                f"the stack lives in {deployed.region}, this is {self._cloud.region}",
                f"$ pulumi config set aws:region {deployed.region}",
            )
        return ok("the one that the stack lives in" if deployed else "nothing is deployed that could be elsewhere")

    def permissions(self, path: str, repository: str) -> Finding:
        calls: list[tuple[str, str, str, dict[str, Any]]] = [
            ("sts:GetCallerIdentity", "sts", "get_caller_identity", {}),
            ("ssm:GetParametersByPath", "ssm", "get_parameters_by_path", {"Path": path}),
            ("ssm:GetParameterHistory", "ssm", "get_parameter_history", {"Name": f"{path}/record"}),
            ("elasticloadbalancing:DescribeLoadBalancers", "elbv2", "describe_load_balancers", {"PageSize": 1}),
            (
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling",
                "describe_auto_scaling_groups",
                {"MaxRecords": 1},
            ),
        ]
        if repository:
            calls.append(("ecr:DescribeImages", "ecr", "describe_images", {"repositoryName": repository}))
        refused = {
            action: why for action, service, call, asked in calls if (why := self._cloud.denied(service, call, **asked))
        }
        if refused:
            told = "; ".join(f"{action} ({' '.join(why.split())})" for action, why in refused.items())
            return missing(f"denied: {told}", "$ aws sts get-caller-identity", "$ aws iam get-account-summary")
        return ok(f"{len(calls)} ways of reading are allowed; what changes something was not tried")

    def record(self) -> Finding:
        deployed = self._stored.deployed
        if deployed is None:
            return warning("there is none: nothing is deployed yet", "up")
        return ok(f"generation {deployed.generation}, of {deployed.when} by {deployed.who or 'someone'}")

    def rule(self, now: datetime) -> Finding:
        if self._stored.deployed is None:
            return ok("nothing is deployed that could differ")
        drift = look(self._cloud, self._stored, now).drift
        if drift:
            return warning("; ".join(drift), "up", "rollback")
        return ok("rule, capacity and record agree")

    def progress(self) -> Finding:
        stored = self._stored
        if stored.pending:
            one = stored.pending
            told = f"a rollback is in progress, decided by {one.who or 'someone'} at {one.when}"
            return warning(told, "resume", "rollback")
        if stored.deployed and stored.deployed.record.transition:
            weight = stored.deployed.record.transition.weight
            return warning(f"a transition stands at {weight} %", "resume", "rollback")
        return ok("nothing is in progress" + (", an old intent is spent" if stored.intent else ""))

    def freeze(self, now: datetime) -> Finding:
        stored = witnessed(self._stored)
        if stored.freeze:
            return warning(f"frozen: {stored.freeze}", "thaw")
        watcher = parse(stored.watcher)
        if watcher is None or not watched(stored, now):
            return ok("neither frozen nor watched")
        return ok(f"not frozen; watched by {watcher.named}: {watcher.doing}")
