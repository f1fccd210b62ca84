"""What an instance does with its bundle before the app runs, as its role: fetch, check, read, ask for secrets, pull.

The steps and their failures are in the words of the boot script and of the tools that it calls.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import bundle, images, permissions, stores
from sandbox.cloud.bundle import BadBundle, Bundle, Stub, Wanted
from sandbox.cloud.permissions import Call
from sandbox.cloud.rights import Denied, Rights
from sandbox.cloud.storage_api import TRANSPORT

Say = Callable[[str], None]
_FAILED = "An error occurred ({}) when calling the {} operation: {}"
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_OWN_KEY = "alias/aws/secretsmanager"


@dataclass(frozen=True)
class Prepared:
    """What is about to run. `variables`: names of the app's environment, secrets included."""

    bundle: Bundle
    tag: str
    variables: tuple[str, ...]


def prepare(stub: Stub, rights: Rights, pull: Callable[[str], images.Pulled], say: Say) -> Prepared:
    """Raises BadBundle."""
    say("step=bundle")
    try:
        read = bundle.read(bundle.unpack(_fetch(stub, rights), stub))
        say("step=secrets")
        check_secrets(read, stub.region, rights)
        say("step=pull")
        tag = _pull(read, rights, pull)
    except Denied as error:
        raise BadBundle("bundle", str(error)) from error
    say("step=start")
    names = {*read.variables, *(wanted.env for wanted in read.secrets)}
    return Prepared(read, tag, tuple(sorted(names)))


def check_secrets(read: Bundle, region: str, rights: Rights) -> None:
    """Raises BadBundle where one can't be read."""
    for wanted in read.secrets:
        _check_secret(wanted, region, rights)


def _fetch(stub: Stub, rights: Rights) -> bytes:
    """The object's one version. Raises BadBundle, Denied."""
    name, operation = f"arn:aws:s3:::{stub.bucket}", "GetObject"
    call = Call("s3:GetObjectVersion", f"{name}/{stub.key}", {**TRANSPORT, "s3:VersionId": stub.version})
    rights.demand(operation, call)
    held = stores.s3().buckets.get(stub.bucket)
    if held is None:
        raise _bundle(_FAILED.format("NoSuchBucket", operation, "The specified bucket does not exist"))
    everyone = permissions.judge(permissions.statements(held.policy), call, "resource-based")
    if everyone.denied:
        raise _bundle(
            _FAILED.format("AccessDenied", operation, f"not authorized to perform: {call.action} {everyone.why}")
        )
    found = stores.s3().get_object(stub.bucket, stub.key, stub.version)
    if found is None:
        if held.keys.getlist(stub.key, default=[]):
            raise _bundle(_FAILED.format("NoSuchVersion", operation, "The specified version does not exist."))
        # Without leave to list, S3 doesn't even say that there is no such key.
        rights.demand(operation, Call("s3:ListBucket", name, TRANSPORT))
        raise _bundle(_FAILED.format("NoSuchKey", operation, "The specified key does not exist."))
    if found.encryption == "aws:kms" and found.kms_key_id:
        _decrypt(rights, found.kms_key_id, stub.region, "s3", operation)
    return bytes(found.value)


def _bundle(reason: str) -> BadBundle:
    return BadBundle("bundle", reason)


def _check_secret(wanted: Wanted, region: str, rights: Rights) -> None:
    """Raises BadBundle. The value is looked at and never kept."""
    secret = stores.secrets(region).secrets.get(wanted.secret)
    arn = secret.arn if secret is not None else wanted.secret
    if not arn.startswith("arn:"):
        arn = f"arn:aws:secretsmanager:{region}:{stores.ACCOUNT}:secret:{arn}"
    operation = "GetSecretValue"
    current: dict[str, Any] = {}
    try:
        rights.demand(operation, Call("secretsmanager:GetSecretValue", arn))
        if secret is None or secret.is_deleted():
            what = "Secrets Manager can't find the specified secret."
            raise Denied(_FAILED.format("ResourceNotFoundException", operation, what))
        versions = secret.versions.values()
        current = next((each for each in versions if "AWSCURRENT" in each["version_stages"]), {})
        if not current.keys() & {"secret_string", "secret_binary"}:
            what = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
            raise Denied(_FAILED.format("ResourceNotFoundException", operation, what))
        if secret.kms_key_id and not str(secret.kms_key_id).endswith(_OWN_KEY):
            _decrypt(rights, secret.kms_key_id, region, "secretsmanager", operation)
    except Denied as error:
        raise BadBundle("secrets", f"secret {wanted.secret} can't be read: {error}") from error
    _check_value(wanted, current)


def _check_value(wanted: Wanted, version: dict[str, Any]) -> None:
    if "secret_string" not in version:
        raise BadBundle("secrets", f"secret {wanted.secret} is binary: an environment takes text only")
    if not wanted.key:
        return
    try:
        keys = json.loads(version["secret_string"])
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise BadBundle("secrets", f"secret {wanted.secret} is no JSON object, so it has no key {wanted.key}")
    if wanted.key not in keys:
        has = ", ".join(sorted(keys))
        raise BadBundle("secrets", f"secret {wanted.secret} has no key {wanted.key}; it has {has}")


def _decrypt(rights: Rights, key: str, region: str, service: str, operation: str) -> None:
    """Raises Denied."""
    alias = key.rpartition(":")[2] if "alias/" in key else ""
    whole = f"arn:aws:kms:{region}:{stores.ACCOUNT}:key/{key.removeprefix('alias/')}"
    context = {
        "kms:ViaService": f"{service}.{region}.amazonaws.com",
        **({"kms:ResourceAliases": alias} if alias else {}),
    }
    try:
        rights.demand("Decrypt", Call("kms:Decrypt", key if key.startswith("arn:") and not alias else whole, context))
    except Denied as error:
        raise Denied(
            _FAILED.format("AccessDeniedException", operation, f"Access to KMS is not allowed: {error}")
        ) from error


def _pull(read: Bundle, rights: Rights, pull: Callable[[str], images.Pulled]) -> str:
    """The tag of the app's image. Of the others only those that lie in ECR can be looked at. Raises BadBundle."""
    tag = ""
    for image in read.images:
        repository = images.repository_arn(image)
        try:
            if repository:
                rights.demand("GetAuthorizationToken", Call("ecr:GetAuthorizationToken"))
                for action in _PULL:
                    rights.demand(action.removeprefix("ecr:"), Call(action, repository))
            if repository or image == read.release.image:
                pulled = pull(image)
                tag = pulled.tag if image == read.release.image else tag
        except (Denied, images.NoSuchImage) as error:
            raise BadBundle("pull", str(error)) from error
    return tag
