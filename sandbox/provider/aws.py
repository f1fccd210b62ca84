"""pulumi-aws's resources and lookups against the sandbox: what is common to all of them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.engine.protocol import UNKNOWN, Checked, Difference, Failure, Found, Made, Properties, ProviderError
from sandbox.provider import catalog
from sandbox.provider.checking import DEFAULTS, check_fields
from sandbox.provider.clients import Clients
from sandbox.provider.comparing import (
    REPLACES,
    refreshed_inputs,
    shown,
    without_ignored,
)
from sandbox.provider.naming import NameTooLong, logical_name
from sandbox.provider.planning import (
    changes,
    fill_name,
    keeps_a_fixed_name,
    outputs_of_a_creation,
    outputs_of_an_update,
    takes_default_tags,
)
from sandbox.provider.refusals import refusal
from sandbox.provider.resource import Job, Resource
from sandbox.provider.values import bare, hide, secret_keys, without_nulls

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

VERSION = importlib.metadata.version("pulumi-aws")


class AwsProvider:
    """Implements sandbox.engine.protocol.Provider."""

    name = "aws"
    version = VERSION

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._clients = Clients(environ)
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        self._default_tags: dict[str, str] = {}
        self._cancelled = threading.Event()

    def check_config(self, inputs: Properties) -> Checked:
        plain = bare(inputs)
        if not (plain.get("region") or self._region):
            return Checked(inputs, (Failure("region", "Missing region configuration: set aws:region or AWS_REGION"),))
        return Checked(inputs if "region" in plain else {**inputs, "region": self._region})

    def configure(self, inputs: Properties) -> None:
        # Profiles and roles to assume are left aside: there is nobody here to ask for other keys.
        plain = {key: _from_json(value) for key, value in bare(inputs).items()}
        self._region = plain.get("region") or self._region
        if not self._region:
            raise ProviderError("Missing region configuration: set aws:region or AWS_REGION")
        if plain.get("accessKey"):
            self._clients.use_keys(plain["accessKey"], plain.get("secretKey", ""))
        self._clients.require_keys()
        self._default_tags = dict((plain.get("defaultTags") or {}).get("tags") or {})
        self._refuse_other_accounts(plain.get("allowedAccountIds") or [], plain.get("forbiddenAccountIds") or [])

    def check(self, urn: str, type_: str, olds: Properties | None, news: Properties, random_seed: bytes) -> Checked:
        resource = catalog.resource(type_)
        plain = bare(news)
        taken, failures, filled = check_fields(resource.fields(), plain)
        if self._default_tags and takes_default_tags(resource) and taken.get("tags") is not UNKNOWN:
            taken["tags"] = {**self._default_tags, **(taken.get("tags") or {})}
        try:
            filled += fill_name(resource, logical_name(urn), bare(olds or {}), taken, random_seed)
        except NameTooLong as error:
            failures.append(Failure(resource.naming.input if resource.naming else "name", str(error)))
        if not failures:
            failures = [Failure(key, reason) for key, reason in resource.problems(taken)]
        if filled:
            taken[DEFAULTS] = sorted(filled)
        return Checked(hide(taken, secret_keys(news)), tuple(failures))

    def diff(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> Difference:
        del urn, id
        resource = catalog.resource(type_)
        asked, olds, wanted = bare(old_inputs), bare(old_outputs), bare(news)
        wanted = without_ignored(wanted, olds, asked, list(ignore_changes))
        found = changes(resource, self._region, olds, asked, wanted)
        replaces = tuple(dict.fromkeys(str(path[0]) for path, change in found.items() if change in REPLACES))
        return Difference(
            changes=bool(found),
            replaces=replaces,
            detailed=shown(found),
            delete_before_replace=bool(replaces)
            and (resource.one_at_a_time or keeps_a_fixed_name(resource, olds, wanted)),
            stables=tuple(key for key in resource.computed if key not in resource.moving and key != "tagsAll"),
        )

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made:
        resource = catalog.resource(type_)
        secret, wanted = secret_keys(news), _inputs(bare(news))
        if preview:
            return Made("", hide(outputs_of_a_creation(resource, self._region, wanted), secret))
        job = self._job(resource, wanted, {}, timeout=timeout)
        name = wanted.get("name") or logical_name(urn)
        doing = f"creating {resource.label} ({name})"
        id_ = self._try(doing, lambda: resource.create(job))
        try:
            self._try(doing, lambda: resource.settle(job, id_))
        except ProviderError as error:
            raise ProviderError(
                error.message, Made(id_, hide(self._left(resource, job, id_, wanted), secret))
            ) from error
        outputs = self._read(resource, job, id_, wanted)
        if outputs is None:
            raise ProviderError(f"{doing}: AWS made it as {id_}, and then had no such thing")
        return Made(id_, hide(outputs, secret | _hidden(resource)))

    def update(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
        timeout: float | None,
    ) -> Properties:
        del urn
        resource = catalog.resource(type_)
        secret = secret_keys(news) | _hidden(resource)
        asked, olds, wanted = bare(old_inputs), bare(old_outputs), bare(news)
        wanted = _inputs(without_ignored(wanted, olds, asked, list(ignore_changes)))
        changed = frozenset(str(path[0]) for path in changes(resource, self._region, olds, asked, wanted))
        if preview:
            return hide(outputs_of_an_update(resource, wanted, olds, asked, changed), secret)
        job = self._job(resource, wanted, olds, changed, timeout)
        doing = f"updating {resource.label} ({id})"
        self._try(doing, lambda: resource.update(job, id))
        outputs = self._read(resource, job, id, wanted)
        if outputs is None:
            raise ProviderError(f"{doing}: it is no longer there; `pulumi refresh` takes it out of the state")
        return hide(outputs, secret)

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> Found | None:
        del urn
        resource = catalog.resource(type_)
        secret = secret_keys(old_inputs, old_outputs) | _hidden(resource)
        asked, olds = bare(old_inputs), bare(old_outputs)
        fields = resource.fields()
        job = self._job(resource, {}, {**_inputs(asked), **olds})
        known = {key: olds[key] for key in fields if key in olds}
        if not (asked or olds):
            # An import: what AWS does not know of a resource is taken to be as it is by default.
            known = {key: input_.default for key, input_ in fields.items() if input_.default is not None}
        outputs = self._read(resource, job, id, known)
        if outputs is None:
            return None
        if asked:
            inputs = refreshed_inputs(fields, outputs, asked)
        else:
            inputs = {key: outputs[key] for key, input_ in fields.items() if outputs.get(key) not in (None, "", [], {})}
        return Found(str(outputs["id"]), hide(inputs, secret), hide(outputs, secret))

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None:
        del urn
        resource = catalog.resource(type_)
        job = self._job(resource, {}, {**_inputs(bare(old_inputs)), **bare(old_outputs)}, timeout=timeout)
        try:
            resource.delete(job, id)
        except Exception as error:
            if not resource.says_gone(error):
                raise refusal(f"deleting {resource.label} ({id})", error) from error

    def invoke(self, token: str, args: Properties) -> Properties:
        lookup = catalog.lookup(token)
        plain = without_nulls(bare(args))
        job = Job(self._clients, plain.get("region") or self._region, plain, cancelled=self._cancelled)
        answer: Properties = self._try(f"reading {token}", lambda: lookup(job))
        plain_answer: Properties = without_nulls(answer)
        return plain_answer

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        raise ProviderError(f"{request.type}: pulumi-aws has no component resources")

    def cancel(self) -> None:
        self._cancelled.set()

    def _job(
        self,
        resource: Resource,
        news: Properties,
        olds: Properties,
        changed: frozenset[str] = frozenset(),
        timeout: float | None = None,
    ) -> Job:
        region = (news.get("region") or olds.get("region") or self._region) if resource.regional else self._region
        return Job(self._clients, region, news, olds, changed, timeout or None, self._cancelled)

    def _read(self, resource: Resource, job: Job, id_: str, base: Properties) -> Properties | None:
        try:
            found = resource.read(job, id_)
        except Exception as error:
            if resource.says_gone(error):
                return None
            raise refusal(f"reading {resource.label} ({id_})", error) from error
        if found is None:
            return None
        region = {"region": job.region} if resource.regional else {}
        outputs: Properties = without_nulls({**base, **region, "id": id_, **found})
        return outputs

    def _left(self, resource: Resource, job: Job, id_: str, wanted: Properties) -> Properties:
        """What a creation that failed half-way left, so that the next update sees what is still to be done."""
        try:
            found = self._read(resource, job, id_, wanted)
        except ProviderError:
            found = None
        return found or {**wanted, "id": id_}

    def _refuse_other_accounts(self, allowed: list[str], forbidden: list[str]) -> None:
        if not (allowed or forbidden):
            return
        answer = self._try("reading the account", self._clients("sts", self._region).get_caller_identity)
        account = answer["Account"]
        if (allowed and account not in allowed) or account in forbidden:
            raise ProviderError(f"AWS account ID not allowed: {account}")

    @staticmethod
    def _try(doing: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            raise refusal(doing, error) from error


def _inputs(plain: Properties) -> Properties:
    return {key: value for key, value in plain.items() if not key.startswith("__")}


def _hidden(resource: Resource) -> set[str]:
    return {key for key, input_ in resource.inputs.items() if input_.hidden}


def _from_json(value: Any) -> Any:
    """Provider settings arrive as JSON in strings wherever they are no strings themselves."""
    if (isinstance(value, str) and value[:1] in ("{", "[")) or value in ("true", "false"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
