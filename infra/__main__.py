"""Where `pulumi up` starts."""

import sys

import pulumi

from infra.program import run

# What the language host takes as "the user has been told": exactly one error line.
_TOLD = 32

try:
    run()
except pulumi.RunError as error:
    pulumi.log.error(str(error))
    sys.exit(_TOLD)
