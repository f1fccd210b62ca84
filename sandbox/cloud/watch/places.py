"""The names that a balancer and its target groups have as dimensions of metrics. Pure."""


def balancer_suffix(arn: str) -> str:
    """app/shop/50dc6c495c0c9188, as the dimension LoadBalancer has it."""
    return arn.partition(":loadbalancer/")[2]


def group_suffix(arn: str) -> str:
    """targetgroup/shop-blue/73e2d6bc24d8a067, as the dimension TargetGroup has it."""
    return arn.rpartition(":")[2]
