"""A lost record made again, from what the stack's state remembers and what the balancer does."""

from __future__ import annotations

from driver.cloud.failures import CORRUPT
from driver.errors import Invalid, Refused
from driver.observe import look
from driver.ports import Ports
from driver.release.snapshot import Stored, spoken
from infra.record import Deployed, RecordError, parse_deployed, weights


def restore(ports: Ports) -> Deployed:
    """Writes the last record that an update wrote, if the live weights are its weights. Raises Refused otherwise."""
    text = ports.stack.recorded()
    if not text:
        raise Refused(
            "the record can't be rebuilt", "the stack's state does not remember one either", ("up", "destroy")
        )
    try:
        deployed = parse_deployed(text)
    except RecordError as error:
        raise Invalid("the record can't be rebuilt", "; ".join(error.problems), ("status",)) from error
    seen = look(ports.cloud, Stored(deployed), ports.clock.now())
    if seen.live != weights(deployed.record):
        live = spoken(seen.live) if seen.live is not None else "not to be read"
        raise Refused(
            "the record can't be rebuilt: the balancer does something else than the last one said",
            f"live weights are {live}; record {deployed.generation} said {spoken(weights(deployed.record))}",
            ("$ aws elbv2 describe-rules --rule-arns " + deployed.rules.get("production", "…"),),
        )
    ports.cloud.put_record(text)
    return deployed


def is_lost(ports: Ports) -> bool:
    """Whether there is no record, or what lies there is none. Raises what else keeps it from being read."""
    try:
        return ports.cloud.stored().deployed is None
    except Invalid as error:
        if error.facts != CORRUPT:
            raise
        return True
