"""Tasks in their networks: security groups between balancer and task, and addresses that no other task has."""

from tests.sandbox.cloud.conftest import Network, permit


def test_a_balancer_that_is_not_let_in_times_out(yard, aws):
    ec2 = aws("ec2")
    closed = ec2.create_security_group(GroupName="closed", Description="closed", VpcId=yard.vpc)["GroupId"]
    network = {"awsvpcConfiguration": {"subnets": yard.subnets, "securityGroups": [closed]}}
    try:
        yard.service(yard.definition(), 1, networkConfiguration=network, healthCheckGracePeriodSeconds=600)
        yard.world.pass_time(120)
        target = yard.elb.describe_target_health(TargetGroupArn=yard.group)["TargetHealthDescriptions"][0]
        assert (target["TargetHealth"]["State"], target["TargetHealth"]["Reason"]) == ("unhealthy", "Target.Timeout")
        assert {each.port for group in yard.world.plane.tables[-1].groups for each in group.targets} == {1}
        ec2.authorize_security_group_ingress(
            GroupId=closed, IpPermissions=[permit(UserIdGroupPairs=[{"GroupId": yard.security_group}])]
        )
        yard.world.pass_time(60)
        assert yard.health() == ["healthy"]
    finally:
        ec2.delete_security_group(GroupId=closed)


def test_no_two_tasks_have_an_address_in_common_whatever_their_networks(yard, aws):
    twin = Network(aws)
    here = {"subnets": yard.subnets[:1], "securityGroups": [yard.security_group]}
    there = {"subnets": twin.subnets[:1], "securityGroups": [twin.security_group]}
    for network in (here, there):
        yard.ecs.run_task(
            cluster="shop",
            taskDefinition=yard.definition(),
            launchType="FARGATE",
            count=3,
            networkConfiguration={"awsvpcConfiguration": network},
        )
    addresses = [task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for task in yard.tasks()]
    assert len(set(addresses)) == 6
    assert all(address.startswith("10.0.0.") for address in addresses)


def test_a_service_of_that_name_begins_without_the_tags_of_the_last(yard):
    yard.service(yard.definition(), 0, tags=[{"key": "old", "value": "1"}])
    yard.ecs.delete_service(cluster="shop", service="web")
    yard.world.pass_time(5)
    made = yard.service(yard.definition(), 0, tags=[{"key": "new", "value": "1"}])
    assert made["tags"] == [{"key": "new", "value": "1"}]


def test_a_full_subnet_takes_no_more_until_others_have_stopped(yard, aws):
    ec2 = aws("ec2")
    small = ec2.create_subnet(VpcId=yard.vpc, CidrBlock="10.0.200.0/28")["Subnet"]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [small], "securityGroups": [yard.security_group]}}

    def run(count):
        return yard.ecs.run_task(
            cluster="shop",
            taskDefinition=yard.definition(),
            launchType="FARGATE",
            count=count,
            networkConfiguration=network,
        )

    try:
        assert len(run(10)["tasks"]) == 10
        answer = run(2)
        assert (len(answer["tasks"]), [each["reason"] for each in answer["failures"]]) == (1, ["RESOURCE:ENI"])
        for task in yard.tasks():
            yard.ecs.stop_task(cluster="shop", task=task["taskArn"])
        yard.world.pass_time(60)
        assert len(run(10)["tasks"]) == 10
    finally:
        for task in yard.tasks():
            yard.ecs.stop_task(cluster="shop", task=task["taskArn"])
        yard.world.pass_time(60)
        ec2.delete_subnet(SubnetId=small)
