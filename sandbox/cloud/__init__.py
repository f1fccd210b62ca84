"""moto plus the behaviour that it lacks: boot, health, scaling, the balancers' tables."""

import functools

import botocore.session

# moto makes a session for each of AWS's partitions while it is imported, and each would read EC2's whole model anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
