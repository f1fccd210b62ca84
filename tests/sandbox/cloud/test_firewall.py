"""Security groups between balancer and instances: closed ones are felt, as on AWS."""

import pytest

from tests.sandbox.cloud.conftest import permit


@pytest.fixture
def open_site(lonely_site, world):
    lonely_site.scaling_group(MinSize=1, DesiredCapacity=1, HealthCheckType="EC2")
    world.pass_time(100)
    return lonely_site


def close(site, aws):
    pairs = [{"GroupId": site.security_group}]
    aws("ec2").revoke_security_group_ingress(
        GroupId=site.security_group, IpPermissions=[permit(UserIdGroupPairs=pairs)]
    )


def target(world):
    return world.plane.tables[-1].groups[0].targets[0]


def test_a_closed_port_times_out(open_site, world, aws):
    assert open_site.health() == [("healthy", None)]
    assert target(world).address != "127.0.0.1"
    close(open_site, aws)
    assert (target(world).address, target(world).port) == ("127.0.0.1", 1)
    world.pass_time(95)
    assert open_site.health() == [("unhealthy", "Target.Timeout")]


@pytest.mark.parametrize(
    ("cidr", "state"),
    [
        ("10.0.0.0/16", "healthy"),
        ("0.0.0.0/0", "healthy"),
        ("10.0.0.0/24", "unhealthy"),
        ("192.168.0.0/16", "unhealthy"),
    ],
)
def test_a_range_must_hold_all_of_the_balancers_subnets(open_site, world, aws, cidr, state):
    close(open_site, aws)
    aws("ec2").authorize_security_group_ingress(
        GroupId=open_site.security_group, IpPermissions=[permit(IpRanges=[{"CidrIp": cidr}])]
    )
    world.pass_time(95)
    assert [found for found, _ in open_site.health()] == [state]


def test_another_port_is_no_use(open_site, world, aws):
    close(open_site, aws)
    aws("ec2").authorize_security_group_ingress(
        GroupId=open_site.security_group, IpPermissions=[permit(80, IpRanges=[{"CidrIp": "0.0.0.0/0"}])]
    )
    world.pass_time(95)
    assert open_site.health() == [("unhealthy", "Target.Timeout")]


def test_the_balancer_must_be_let_out(open_site, world, aws):
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2, group = aws("ec2"), open_site.security_group
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    world.pass_time(95)
    assert open_site.health() == [("unhealthy", "Target.Timeout")]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permit(UserIdGroupPairs=[{"GroupId": group}])])
    world.pass_time(65)
    assert open_site.health() == [("healthy", None)]


def test_a_balancer_without_groups_has_the_default_one(open_site, world, aws):
    close(open_site, aws)
    groups = aws("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [open_site.vpc]}])
    default = next(each["GroupId"] for each in groups["SecurityGroups"] if each["GroupName"] == "default")
    balancer = open_site.balancer["LoadBalancerArn"]
    world.cloud.balancing.sync()
    aws("elbv2").set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[])
    aws("ec2").authorize_security_group_ingress(
        GroupId=open_site.security_group, IpPermissions=[permit(UserIdGroupPairs=[{"GroupId": default}])]
    )
    assert target(world).address != "127.0.0.1"
