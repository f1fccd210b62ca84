"""Names for what the program leaves unnamed, and AWS's limits on them."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time

from sandbox.provider.schema import Naming

_counter = itertools.count(secrets.randbelow(1 << 16))


class NameTooLong(ValueError):
    pass


def auto_name(naming: Naming, logical_name: str, random_seed: bytes) -> str:
    """`<logical name>-<7 hex>`; the same for the same seed. Raises NameTooLong where AWS's limit is passed."""
    prefix = (logical_name.lower() if naming.lower else logical_name) + naming.joint
    digits = hashlib.sha256(random_seed + prefix.encode()).hexdigest() if random_seed else secrets.token_hex(4)
    if len(prefix) + 7 > naming.longest:
        raise NameTooLong(f"name '{prefix}' plus 7 random chars is longer than maximum length {naming.longest}")
    return prefix + digits[:7]


def prefixed_name(prefix: str) -> str:
    """A prefix and 26 characters that no earlier name has: the time, then a counter."""
    now = time.time_ns()
    seconds = time.strftime("%Y%m%d%H%M%S", time.gmtime(now // 10**9))
    return f"{prefix}{seconds}{now // 10**5 % 10**4:04d}{next(_counter) % 2**32:08x}"


def logical_name(urn: str) -> str:
    return urn.split("::", 3)[-1]
