"""Whose AWS it is: profile, region and role, as the stack's own `aws:` config says. Imports no AWS client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from driver.errors import Invalid


@dataclass(frozen=True)
class Role:
    """A role to assume, in the words of pulumi-aws."""

    arn: str
    session: str = "bluegreen"
    external_id: str = ""


@dataclass(frozen=True)
class Credentials:
    """What of a stack's `aws:` config decides where calls go. `accounts`, where given, are the only ones allowed."""

    region: str = ""
    profile: str | None = None
    roles: tuple[Role, ...] = ()
    accounts: tuple[str, ...] = ()


def credentials(config: Mapping[str, Any]) -> Credentials:
    """From the stack's config, keys with their namespace."""
    roles = _plain(config.get("aws:assumeRoles")) or []
    one = _plain(config.get("aws:assumeRole"))
    entries = [*(roles if isinstance(roles, list) else []), *([one] if isinstance(one, dict) else [])]
    return Credentials(
        region=str(config.get("aws:region") or ""),
        profile=str(config["aws:profile"]) if config.get("aws:profile") else None,
        roles=tuple(
            Role(entry["roleArn"], str(entry.get("sessionName") or "bluegreen"), str(entry.get("externalId") or ""))
            for entry in entries
            if isinstance(entry, dict) and entry.get("roleArn")
        ),
        accounts=tuple(str(account) for account in _plain(config.get("aws:allowedAccountIds")) or ()),
    )


def assumed(session: Any, credentials: Credentials, config: Any) -> None:
    """Makes a botocore session act as the roles, one after the other."""
    for role in credentials.roles:
        client = session.create_client("sts", region_name=credentials.region or None, config=config)
        asked = {"RoleArn": role.arn, "RoleSessionName": role.session}
        if role.external_id:
            asked["ExternalId"] = role.external_id
        got = client.assume_role(**asked)["Credentials"]
        session.set_credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


def refuse_other_account(found: str, recorded: str, credentials: Credentials) -> None:
    """Raises Invalid where the caller's account is not the record's, or not one that the settings allow."""
    if recorded and found != recorded:
        raise Invalid(
            f"this is account {found}, the stack lives in {recorded}",
            "the deployed record names the account it was made in, and no other is touched",
            ("$ aws sts get-caller-identity", "status"),
        )
    if credentials.accounts and found not in credentials.accounts:
        raise Invalid(
            f"this is account {found}, the settings allow {', '.join(credentials.accounts)}",
            "aws:allowedAccountIds in the stack's config",
            ("$ aws sts get-caller-identity",),
        )


def _plain(value: Any) -> Any:
    """A config value that a CLI wrote as JSON text, or the value itself."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
