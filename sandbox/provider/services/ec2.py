"""What all of EC2's resources share: tags at creation and later, ARNs, and asking for one thing by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider import tagging
from sandbox.provider.refusals import error_code
from sandbox.provider.resource import Job


def tagged(kind: str, tags: Mapping[str, str] | None) -> dict[str, Any]:
    """The argument that tags a new `kind`; none where there are no tags, as AWS refuses an empty one."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tagging.as_list(tags)}]} if tags else {}


def update_tags(job: Job, id_: str) -> None:
    put, drop = tagging.delta(job)
    if drop:
        job.client("ec2").delete_tags(Resources=[id_], Tags=[{"Key": key} for key in drop])
    if put:
        job.client("ec2").create_tags(Resources=[id_], Tags=tagging.as_list(put))


def arn(job: Job, owner: str, path: str) -> str:
    return f"arn:aws:ec2:{job.region}:{owner}:{path}"


# AWS's provider waits up to 20 minutes; in the sandbox what is on its way out is out sooner.
FREE_SECONDS = 120.0


def when_free(job: Job, delete: Callable[[], Any], *, what: str, seconds: float = FREE_SECONDS) -> None:
    """Deletes it once nothing depends on it any more: instances that end and interfaces that go take their time."""
    refused: list[Exception] = []

    def gone() -> bool:
        try:
            delete()
        except Exception as error:
            if error_code(error) != "DependencyViolation":
                raise
            refused.append(error)
            return False
        return True

    try:
        job.wait(gone, for_what=f"{what} to be unused", seconds=seconds)
    except ProviderError as error:
        raise (refused[-1] if refused else error) from error


def only(items: list[Any]) -> Any | None:
    return items[0] if items else None


def tags_of(answer: Mapping[str, Any]) -> Properties:
    return tagging.outputs(tagging.as_map(answer.get("Tags")))
