"""Secrets: which ones a release may read, and those that the stack makes. Values never pass through here.

But for one: ElastiCache takes its token from whoever makes the cache; Pulumi keeps it as a secret of the state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.access import Place
from infra.refusal import refuse
from infra.setting_content import Secret
from infra.settings import Settings


@dataclass(frozen=True)
class Readable:
    """A secret that instances may read: its ARN, and the key of the account's own that it is encrypted with."""

    arn: pulumi.Input[str]
    key: str = ""
    """ARN; empty for the key that AWS manages, which needs no leave."""


class Secrets(pulumi.ComponentResource):
    """The secrets that the stack makes, empty: a person or a pipeline puts the value."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:Secrets", name)
        wanted = dict.fromkeys(one.secret for one in settings.secrets.values() if one.create)
        self.made: dict[str, aws.secretsmanager.Secret] = {
            named: aws.secretsmanager.Secret(
                f"{name}-{named}",
                name=named,
                description=f"{settings.project} {settings.stack}: read by its instances",
                tags=settings.own_tags,
                opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
            )
            for named in wanted
        }
        self.register_outputs({"names": list(self.made)})


def existing(settings: Settings) -> dict[str, Readable]:
    """The secrets that the settings name and the stack doesn't make, as AWS has them. Raises Refusal."""
    created = {one.secret for one in settings.secrets.values() if one.create}
    named = dict.fromkeys(one.secret for one in settings.all_secrets.values() if one.secret not in created)
    return {name: _found(name) for name in named}


def pattern(place: Place, name: str) -> str:
    """A secret's ARN as far as its name tells it: Secrets Manager adds a dash and six signs."""
    return name if name.startswith("arn:") else place.arn("secretsmanager", f"secret:{name}-??????")


def text_of(chosen: Secret) -> pulumi.Output[str]:
    """The value itself, or the one at its key. Raises Refusal where there is none."""
    try:
        text = aws.secretsmanager.get_secret_version(secret_id=chosen.secret).secret_string
    except Exception as error:
        raise _missing(chosen.secret, error) from None
    if chosen.key is None:
        return pulumi.Output.secret(text)
    try:
        found = json.loads(text)[chosen.key]
    except (ValueError, KeyError, TypeError):
        raise refuse(
            "secret-without-key",
            f"the secret {chosen.secret} has no key {chosen.key}",
            "it is no JSON object, or none with this key",
            f"$ aws secretsmanager get-secret-value --secret-id {chosen.secret} --query VersionStages",
        ) from None
    return pulumi.Output.secret(str(found))


def _found(name: str) -> Readable:
    try:
        found = (
            aws.secretsmanager.get_secret(arn=name)
            if name.startswith("arn:")
            else aws.secretsmanager.get_secret(name=name)
        )
    except Exception as error:
        raise _missing(name, error) from None
    return Readable(found.arn, _key(found.arn, found.kms_key_id or ""))


def _key(secret: str, key: str) -> str:
    """The ARN of a secret's key, which AWS tells as an ARN, an id, or an alias."""
    if not key or key.endswith("alias/aws/secretsmanager") or key.startswith("arn:"):
        return "" if key.endswith("alias/aws/secretsmanager") else key
    _, partition, _, region, account, *_ = secret.split(":")
    return f"arn:{partition}:kms:{region}:{account}:{key if key.startswith('alias/') else f'key/{key}'}"


def _missing(name: str, error: Exception) -> Exception:
    return refuse(
        "secret-not-found",
        f"the secret {name} can't be read",
        next(iter(str(error).splitlines()), type(error).__name__),
        f"$ aws secretsmanager describe-secret --secret-id {name}",
    )
