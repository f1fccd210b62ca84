"""What AWS refuses is refused: its error code, and nothing changed."""

import base64

import pytest
from botocore.exceptions import ClientError


def refused(call, **given):
    """Code and message of the refusal."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("weights", [(-5, 100), (1000, 0), (100, -1)])
def test_weights_out_of_bounds(site, world, aws, weights):
    tables = len(world.plane.tables)
    code, message = refused(aws("elbv2").modify_rule, RuleArn=site.rule, Actions=[site.forward(*weights)])
    assert (code, message) == (
        "ValidationError",
        "The weight for each target group must be between 0 and 999, inclusive",
    )
    assert refused(
        aws("elbv2").modify_listener, ListenerArn=site.listener, DefaultActions=[site.forward(*weights)]
    ) == (code, message)
    rule = aws("elbv2").describe_rules(RuleArns=[site.rule])["Rules"][0]
    assert [group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]] == [100, 0]
    assert len(world.plane.tables) == tables


def test_bounds_of_weights_themselves_are_fine(site, aws):
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[site.forward(999, 0)])
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[site.forward(0, 0)])


def forward_to(*arns, **sticky):
    config = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1} for arn in arns]}
    if sticky:
        config["TargetGroupStickinessConfig"] = sticky
    return [{"Type": "forward", "ForwardConfig": config}]


def test_forward_actions_that_aws_refuses(site, aws):
    modify = aws("elbv2").modify_rule
    groups = [site.target_group(f"g{n}") for n in range(6)]
    assert refused(modify, RuleArn=site.rule, Actions=forward_to(*groups))[0] == "ValidationError"
    modify(RuleArn=site.rule, Actions=forward_to(*groups[:5]))
    assert refused(modify, RuleArn=site.rule, Actions=forward_to(site.blue, site.blue))[0] == "ValidationError"
    assert refused(modify, RuleArn=site.rule, Actions=forward_to(site.blue[:-4] + "0000"))[0] == "TargetGroupNotFound"
    too_long = forward_to(site.blue, site.green, Enabled=True, DurationSeconds=700000)
    assert refused(modify, RuleArn=site.rule, Actions=too_long)[0] == "ValidationError"
    without = forward_to(site.blue, site.green, Enabled=True)
    assert refused(modify, RuleArn=site.rule, Actions=without)[0] == "ValidationError"
    assert refused(modify, RuleArn=site.rule, Actions=[])[0] == "ValidationError"


def test_other_actions_that_aws_refuses(site, aws):
    modify = aws("elbv2").modify_rule
    loop = [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]
    assert refused(modify, RuleArn=site.rule, Actions=loop)[0] == "InvalidLoadBalancerAction"
    status = [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_307", "Port": "443"}}]
    assert refused(modify, RuleArn=site.rule, Actions=status)[0] == "ValidationError"
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    assert refused(modify, RuleArn=site.rule, Actions=[fixed, *forward_to(site.blue)])[0] == "InvalidLoadBalancerAction"
    fixed["FixedResponseConfig"]["MessageBody"] = "x" * 1025
    assert refused(modify, RuleArn=site.rule, Actions=[fixed])[0] == "ValidationError"


def test_a_target_group_belongs_to_one_balancer(site, aws):
    other = aws("elbv2").create_load_balancer(Name="other", Subnets=site.subnets)["LoadBalancers"][0]
    code, message = refused(
        aws("elbv2").create_listener,
        LoadBalancerArn=other["LoadBalancerArn"],
        Port=80,
        Protocol="HTTP",
        DefaultActions=forward_to(site.blue),
    )
    assert code == "TargetGroupAssociationLimit"
    assert site.blue in message


def test_rules_that_aws_refuses(site, aws):
    given = {
        "ListenerArn": site.listener,
        "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}],
        "Actions": forward_to(site.blue),
    }
    create = aws("elbv2").create_rule
    assert refused(create, Priority=10, **given) == ("PriorityInUse", "Priority '10' is currently in use")
    assert refused(create, Priority=50001, **given)[0] == "ValidationError"
    assert refused(create, Priority=0, **given)[0] == "ValidationError"
    assert refused(create, Priority=11, **{**given, "Conditions": []})[0] == "ValidationError"
    spaces = [{"Field": "path-pattern", "Values": ["/a b"]}]
    assert refused(create, Priority=11, **{**given, "Conditions": spaces})[0] == "ValidationError"
    hosts = [{"Field": "host-header", "HostHeaderConfig": {"Values": [f"{n}.example" for n in range(6)]}}]
    assert refused(create, Priority=11, **{**given, "Conditions": hosts})[0] == "ValidationError"
    default = aws("elbv2").describe_rules(ListenerArn=site.listener)["Rules"][-1]["RuleArn"]
    assert refused(aws("elbv2").delete_rule, RuleArn=default)[0] == "OperationNotPermitted"
    assert refused(aws("elbv2").delete_rule, RuleArn=site.rule + "0")[0] == "RuleNotFound"


def test_listeners_that_aws_refuses(site, aws):
    given = {
        "LoadBalancerArn": site.balancer["LoadBalancerArn"],
        "Port": 8100,
        "Protocol": "HTTP",
        "DefaultActions": forward_to(site.blue),
    }
    create = aws("elbv2").create_listener
    assert refused(create, **given | {"Port": 8099})[0] == "DuplicateListener"
    assert refused(create, **given | {"Port": 0})[0] == "ValidationError"
    assert refused(create, **given | {"Protocol": "HTTPS"})[0] == "ValidationError"
    unknown = [{"CertificateArn": "arn:aws:acm:eu-central-1:000000000000:certificate/0"}]
    assert refused(create, **given | {"Protocol": "HTTPS", "Certificates": unknown})[0] == "CertificateNotFound"
    assert refused(create, **given | {"Protocol": "TCP"})[0] == "ValidationError"
    second = create(**given)["Listeners"][0]["ListenerArn"]
    assert refused(aws("elbv2").modify_listener, ListenerArn=second, Port=8099)[0] == "DuplicateListener"


def test_a_certificate_can_be_made_by_its_arn(site, world, aws):
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234-abcd"
    assert world.control.answer("POST", "certificate", {"arn": arn})["arn"] == arn
    listener = aws("elbv2").create_listener(
        LoadBalancerArn=site.balancer["LoadBalancerArn"],
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=forward_to(site.blue),
    )["Listeners"][0]
    assert listener["Certificates"] == [{"CertificateArn": arn}]
    assert world.plane.tables[-1].listeners[-1].protocol == "HTTPS"
    with pytest.raises(ValueError, match="no ACM certificate"):
        world.control.answer("POST", "certificate", {"arn": "nonsense"})


def test_target_groups_that_aws_refuses(site, aws):
    def code(**changed):
        with pytest.raises(ClientError) as caught:
            site.target_group("new", **changed)
        return caught.value.response["Error"]["Code"]

    assert code(Name="shop-blue") == "DuplicateTargetGroupName"
    for wrong in (
        {"Port": 0},
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckIntervalSeconds": 301},
        {"HealthCheckTimeoutSeconds": 1},
        {"HealthCheckTimeoutSeconds": 30},
        {"HealthyThresholdCount": 1},
        {"UnhealthyThresholdCount": 11},
        {"HealthCheckPath": "health"},
        {"Matcher": {"HttpCode": "500"}},
        {"Matcher": {"HttpCode": "ok"}},
        {"VpcId": "vpc-00000000"},
        {"Name": "x" * 33},
    ):
        assert code(**wrong) == "ValidationError", wrong
    modify = aws("elbv2").modify_target_group
    assert refused(modify, TargetGroupArn=site.blue, HealthCheckTimeoutSeconds=30)[0] == "ValidationError"
    assert refused(modify, TargetGroupArn=site.blue, HealthCheckIntervalSeconds=5)[0] == "ValidationError"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("deregistration_delay.timeout_seconds", "3601"),
        ("deregistration_delay.timeout_seconds", "soon"),
        ("slow_start.duration_seconds", "10"),
        ("stickiness.enabled", "yes"),
        ("load_balancing.algorithm.type", "fastest"),
        ("stickiness.lb_cookie.duration_seconds", "0"),
        ("deregistration_dealy.timeout_seconds", "10"),
    ],
)
def test_target_group_attributes_that_aws_refuses(site, aws, key, value):
    attributes = [{"Key": key, "Value": value}]
    modify = aws("elbv2").modify_target_group_attributes
    assert refused(modify, TargetGroupArn=site.blue, Attributes=attributes)[0] == "ValidationError"


def test_a_target_group_in_use_stays(site, aws):
    code, message = refused(aws("elbv2").delete_target_group, TargetGroupArn=site.green)
    assert code == "ResourceInUse"
    assert "currently in use by a listener or a rule" in message
    aws("elbv2").delete_rule(RuleArn=site.rule)
    aws("elbv2").delete_target_group(TargetGroupArn=site.green)


def test_more_than_ten_tags_are_fine_more_than_fifty_not(site, aws):
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(51)]
    aws("elbv2").add_tags(ResourceArns=[site.blue], Tags=tags[:50])
    assert refused(aws("elbv2").add_tags, ResourceArns=[site.blue], Tags=tags[50:])[0] == "TooManyTags"


def test_load_balancers_that_aws_refuses(site, aws):
    create = aws("elbv2").create_load_balancer
    assert refused(create, Name="shop", Subnets=site.subnets)[0] == "DuplicateLoadBalancerName"
    assert refused(create, Name="a", Subnets=site.subnets[:1])[0] == "ValidationError"
    assert refused(create, Name="a", Subnets=[*site.subnets[:1], "subnet-0"])[0] == "SubnetNotFound"
    assert refused(create, Name="internal-a", Subnets=site.subnets)[0] == "ValidationError"
    assert refused(create, Name="-a", Subnets=site.subnets)[0] == "ValidationError"
    assert refused(create, Name="a", Subnets=site.subnets, SecurityGroups=["sg-0"])[0] == "InvalidSecurityGroup"


def test_an_internet_facing_balancer_needs_a_gateway(lonely_site, aws):
    create, delete = aws("elbv2").create_load_balancer, aws("elbv2").delete_load_balancer
    detach = aws("ec2").detach_internet_gateway
    assert refused(detach, InternetGatewayId=lonely_site.gateway, VpcId=lonely_site.vpc)[0] == "DependencyViolation"
    delete(LoadBalancerArn=lonely_site.balancer["LoadBalancerArn"])
    detach(InternetGatewayId=lonely_site.gateway, VpcId=lonely_site.vpc)
    assert refused(create, Name="a", Subnets=lonely_site.subnets)[0] == "InvalidSubnet"
    internal = create(Name="a", Subnets=lonely_site.subnets, Scheme="internal")["LoadBalancers"][0]
    assert internal["DNSName"].startswith("internal-a-")


def test_deletion_protection_and_other_attributes(site, aws):
    elb, arn = aws("elbv2"), site.balancer["LoadBalancerArn"]

    def modify(key, value):
        return elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}])

    modify("deletion_protection.enabled", "true")
    code, message = refused(elb.delete_load_balancer, LoadBalancerArn=arn)
    assert (code, "deletion protection is enabled" in message) == ("OperationNotPermitted", True)
    modify("deletion_protection.enabled", "false")
    for key, value in (("idle_timeout.timeout_seconds", "0"), ("routing.http2.enabled", "on"), ("x", "y")):
        assert refused(modify, key=key, value=value)[0] == "InvalidConfigurationRequest"
    modify("idle_timeout.timeout_seconds", "90")
    answer = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {each["Key"]: each["Value"] for each in answer}
    assert attributes["idle_timeout.timeout_seconds"] == "90"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "false"
    elb.delete_load_balancer(LoadBalancerArn=arn)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"MinSize": 3, "MaxSize": 2, "DesiredCapacity": 2}, "Max bound, 2, must be greater than"),
        ({"DesiredCapacity": 7}, "Desired capacity:7 must be between the specified min size:2 and max size:6"),
        ({"DesiredCapacity": 1}, "Desired capacity:1 must be between"),
        ({"MinSize": -1}, "must not be negative"),
        ({"HealthCheckType": "HTTP"}, "Invalid health check type"),
        ({"VPCZoneIdentifier": "subnet-0"}, "The subnet ID 'subnet-0' does not exist"),
        ({"TargetGroupARNs": ["arn:aws:elasticloadbalancing:x:y:targetgroup/a/b"]}, "Provided Target Groups may not"),
        ({"LaunchTemplate": {"LaunchTemplateName": "none"}}, "You must use a valid fully-formed launch template"),
        ({"LaunchTemplate": {"LaunchTemplateName": "blue-template", "Version": "9"}}, "valid fully-formed"),
        ({"LaunchTemplate": {"LaunchTemplateName": "blue-template", "Version": "new"}}, "valid fully-formed"),
        ({"AutoScalingGroupName": "a:b"}, "Group name 'a:b' is not valid"),
    ],
)
def test_scaling_groups_that_aws_refuses(site, aws, changed, message):
    with pytest.raises(ClientError, match=message) as caught:
        site.scaling_group(**changed)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert aws("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_changes_of_scaling_groups_that_aws_refuses(site, aws):
    site.scaling_group()
    asg = aws("autoscaling")
    with pytest.raises(ClientError) as caught:
        asg.create_auto_scaling_group(AutoScalingGroupName="blue", MinSize=0, MaxSize=0)
    assert caught.value.response["Error"]["Code"] == "AlreadyExists"
    for call, given, message in (
        (asg.set_desired_capacity, {"DesiredCapacity": 7}, "New SetDesiredCapacity value 7 is above max value 6"),
        (asg.set_desired_capacity, {"DesiredCapacity": 1}, "New SetDesiredCapacity value 1 is below min value 2"),
        (asg.update_auto_scaling_group, {"MinSize": 7}, "Max bound, 6"),
        (asg.update_auto_scaling_group, {"DesiredCapacity": 9}, "Desired capacity:9"),
        (asg.attach_load_balancer_target_groups, {"TargetGroupARNs": ["arn:x"]}, "Provided Target Groups"),
    ):
        code, said = refused(call, AutoScalingGroupName="blue", **given)
        assert (code, said[: len(message)]) == ("ValidationError", message)
    for call, given in (
        (asg.set_desired_capacity, {"DesiredCapacity": 1}),
        (asg.update_auto_scaling_group, {"MinSize": 1}),
        (asg.delete_auto_scaling_group, {}),
        (asg.suspend_processes, {}),
        (asg.describe_scaling_activities, {}),
    ):
        code, said = refused(call, AutoScalingGroupName="none", **given)
        assert (code, said[:34]) == ("ValidationError", "AutoScalingGroup name not found - ")
    id = site.group()["Instances"][0]["InstanceId"]
    for given in ({"InstanceId": id, "HealthStatus": "Fine"}, {"InstanceId": "i-0", "HealthStatus": "Healthy"}):
        assert refused(asg.set_instance_health, **given)[0] == "ValidationError"
    asg.delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    code, _ = refused(asg.update_auto_scaling_group, AutoScalingGroupName="blue", MinSize=1)
    assert code == "ScalingActivityInProgress"


def test_a_security_group_in_use_stays(lonely_site, world, aws):
    delete = aws("ec2").delete_security_group
    balancer_group = aws("ec2").create_security_group(GroupName="lb", Description="lb", VpcId=lonely_site.vpc)[
        "GroupId"
    ]
    aws("elbv2").set_security_groups(
        LoadBalancerArn=lonely_site.balancer["LoadBalancerArn"], SecurityGroups=[balancer_group]
    )
    assert refused(delete, GroupId=balancer_group) == (
        "DependencyViolation",
        f"resource {balancer_group} has a dependent object",
    )
    lonely_site.scaling_group(MinSize=0)
    assert refused(delete, GroupId=lonely_site.security_group)[0] == "DependencyViolation"
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="blue", ForceDelete=True)
    assert refused(delete, GroupId=lonely_site.security_group)[0] == "DependencyViolation"
    world.pass_time(13)
    delete(GroupId=lonely_site.security_group)


def test_a_security_group_that_another_names_stays(lonely_site, aws):
    ec2 = aws("ec2")
    named = ec2.create_security_group(GroupName="named", Description="named", VpcId=lonely_site.vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": named}]}
    ec2.authorize_security_group_ingress(GroupId=lonely_site.security_group, IpPermissions=[permission])
    assert refused(ec2.delete_security_group, GroupId=named)[0] == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=lonely_site.security_group, IpPermissions=[permission])
    ec2.delete_security_group(GroupId=named)


def test_networks_with_something_in_them_stay(lonely_site, aws):
    ec2 = aws("ec2")
    assert refused(ec2.delete_subnet, SubnetId=lonely_site.subnets[0])[0] == "DependencyViolation"
    assert refused(ec2.delete_vpc, VpcId=lonely_site.vpc)[0] == "DependencyViolation"
    aws("elbv2").delete_load_balancer(LoadBalancerArn=lonely_site.balancer["LoadBalancerArn"])
    for subnet in lonely_site.subnets:
        ec2.delete_subnet(SubnetId=subnet)
    assert refused(ec2.delete_vpc, VpcId=lonely_site.vpc)[0] == "DependencyViolation"
    ec2.detach_internet_gateway(InternetGatewayId=lonely_site.gateway, VpcId=lonely_site.vpc)
    assert refused(ec2.delete_vpc, VpcId=lonely_site.vpc)[0] == "DependencyViolation"
    ec2.delete_security_group(GroupId=lonely_site.security_group)
    ec2.delete_vpc(VpcId=lonely_site.vpc)


def test_user_data_has_a_limit(aws):
    def create(size):
        data = {"ImageId": "ami-1", "UserData": base64.b64encode(b"#" * size).decode()}
        return aws("ec2").create_launch_template(LaunchTemplateName="t", LaunchTemplateData=data)

    assert refused(create, size=16385)[0] == "InvalidUserData.Malformed"
    create(size=16384)


def test_a_templates_tags_and_user_data_are_read_back(aws):
    data = base64.b64encode(b"#!/bin/sh").decode()
    aws("ec2").create_launch_template(
        LaunchTemplateName="t",
        LaunchTemplateData={
            "ImageId": "ami-1",
            "UserData": data,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
        },
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "c", "Value": "d"}]}],
    )
    aws("ec2").create_launch_template_version(LaunchTemplateName="t", LaunchTemplateData={"UserData": data})
    versions = aws("ec2").describe_launch_template_versions(LaunchTemplateName="t")["LaunchTemplateVersions"]
    assert [version["LaunchTemplateData"]["UserData"] for version in versions] == [data, data]
    specifications = versions[0]["LaunchTemplateData"]["TagSpecifications"]
    assert [each["ResourceType"] for each in specifications] == ["instance"]
    template = aws("ec2").describe_launch_templates(LaunchTemplateNames=["t"])["LaunchTemplates"][0]
    assert template["Tags"] == [{"Key": "c", "Value": "d"}]


def test_parameters_that_aws_refuses(aws):
    put = aws("ssm").put_parameter
    given = {"Name": "/bluegreen/shop/dev/record", "Type": "String"}
    assert refused(put, Value="x" * 4097, **given)[0] == "ValidationException"
    put(Value="x" * 4096, **given)
    assert refused(put, Value="x", **given)[0] == "ParameterAlreadyExists"
    assert put(Value="y", Overwrite=True, **given)["Version"] == 2
    assert refused(put, Value="x" * 4097, Overwrite=True, **given)[0] == "ValidationException"
    put(Value="x" * 8000, Tier="Advanced", Overwrite=True, **given)
    changed = given | {"Type": "StringList"}
    assert refused(put, Value="y", Overwrite=True, **changed)[0] == "HierarchyTypeMismatchException"
    for name in ("a/b", "/a b", "/" + "/".join("abcdefghijklmnop")):
        assert refused(put, Name=name, Value="x", Type="String")[0] in (
            "ValidationException",
            "HierarchyLevelLimitExceededException",
        )
    patterned = {"Name": "/number", "Type": "String", "AllowedPattern": r"^\d+$"}
    assert refused(put, Value="x", **patterned)[0] == "ParameterPatternMismatchException"
    put(Value="12", **patterned)
