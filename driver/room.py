"""A disk that takes nothing more: full, over its quota, not ours to write. How that is known, and what it ends with."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from driver.errors import Invalid

_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
_SAID = re.compile(
    # As Go and Python word them. Much else may be "too large": there only the system's own words count.
    r"no space left on device|disk quota exceeded|\[Errno 27\]|: file too large$|read-only file system",
    re.IGNORECASE | re.MULTILINE,
)
LOOK = "$ df -h"


class Unwritable(Invalid):
    """What has to be written before anything can be done can't be: nothing was touched. Exit 2."""


def lacks_room(text: str) -> bool:
    """Whether what an engine says is that the disk takes nothing more."""
    return _SAID.search(text) is not None


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Raises Unwritable where the block can't write to the disk; any other trouble stays as it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NUMBERS:
            raise
        where = f" ({error.filename})" if error.filename else ""
        raise Unwritable(f"{what} can't be written", f"{error.strerror}{where}", (LOOK, "status")) from error
