"""Where the look-alike starts: `python -m sandbox.lookalike …`, which is what its `pulumi` on PATH runs."""

import os
import sys

# gRPC's C core complains on standard error about every server that ends.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from sandbox.lookalike.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
