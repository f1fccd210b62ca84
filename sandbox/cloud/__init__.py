"""moto plus the behaviour that it lacks: boot, health, scaling, the balancers' tables."""
