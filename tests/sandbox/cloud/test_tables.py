import socket

from sandbox.cloud import balancing
from sandbox.traffic import wire


def test_a_rule_change_is_in_force_when_the_call_returns(site, world, aws):
    before = len(world.plane.tables)
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[site.forward(0, 100)])
    assert len(world.plane.tables) == before + 1
    listener = world.plane.tables[-1].listeners[0]
    assert listener.rules[0].action.shares == (wire.Share(site.blue, 0), wire.Share(site.green, 100))
    assert world.plane.tables[-1].version == before + 1


def test_reading_applies_nothing(site, world, aws):
    before = len(world.plane.tables)
    aws("elbv2").describe_rules(ListenerArn=site.listener)
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[site.forward(100, 0)])
    world.pass_time(50)
    assert len(world.plane.tables) == before


def test_a_listener_as_the_data_plane_sees_it(site, world):
    listener = world.plane.tables[-1].listeners[0]
    assert (listener.balancer, listener.listen_port, listener.protocol) == ("shop", 8099, "HTTP")
    assert listener.dns_name == site.balancer["DNSName"]
    assert listener.default == wire.Action("fixed-response", status=404, content_type="text/plain")
    assert listener.rules[0].paths == ("/*",)
    assert {group.arn for group in world.plane.tables[-1].groups} == {site.blue, site.green}


def test_dns_names_look_like_those_of_aws(site):
    name, number_and_rest = site.balancer["DNSName"].split("-", 1)
    assert name == "shop"
    assert number_and_rest.split(".")[0].isdigit()
    assert number_and_rest.endswith(".eu-central-1.elb.amazonaws.com")


def test_rules_come_by_priority(site, world, aws):
    for priority in (30, 5):
        aws("elbv2").create_rule(
            ListenerArn=site.listener,
            Priority=priority,
            Conditions=[
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example"]}},
                {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Test", "Values": ["1"]}},
            ],
            Actions=[
                {
                    "Type": "redirect",
                    "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
                }
            ],
        )
    rules = world.plane.tables[-1].listeners[0].rules
    assert [rule.priority for rule in rules] == [5, 10, 30]
    assert (rules[0].hosts, rules[0].headers) == (("a.example",), (("X-Test", ("1",)),))
    assert rules[0].action.location == "https://#{host}:443/#{path}?#{query}"
    described = aws("elbv2").describe_rules(ListenerArn=site.listener)["Rules"]
    assert [rule["Priority"] for rule in described] == ["5", "10", "30", "default"]


def test_stickiness_and_the_algorithm_reach_the_data_plane(site, world, aws):
    aws("elbv2").modify_target_group_attributes(
        TargetGroupArn=site.blue,
        Attributes=[
            {"Key": "stickiness.enabled", "Value": "true"},
            {"Key": "stickiness.lb_cookie.duration_seconds", "Value": "600"},
            {"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"},
        ],
    )
    action = site.forward(50, 50)
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 120}
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[action])
    groups = {group.arn: group for group in world.plane.tables[-1].groups}
    assert groups[site.blue].stickiness_seconds == 600
    assert groups[site.blue].load_balancing == "least_outstanding_requests"
    assert groups[site.green].stickiness_seconds == 0
    assert world.plane.tables[-1].listeners[0].rules[0].action.sticky_seconds == 120


def test_a_deleted_listener_is_gone_from_the_table(site, world, aws):
    aws("elbv2").delete_listener(ListenerArn=site.listener)
    assert world.plane.tables[-1].listeners == ()
    assert world.plane.tables[-1].groups == ()


def test_a_second_balancer_on_the_same_port_listens_elsewhere(site, world, aws):
    second = aws("elbv2").create_load_balancer(Name="other", Subnets=site.subnets)["LoadBalancers"][0]
    aws("elbv2").create_listener(
        LoadBalancerArn=second["LoadBalancerArn"],
        Port=8099,
        Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    ports = [listener.port for listener in world.plane.tables[-1].listeners]
    assert ports == [8099, 0]
    assert [listener.listen_port for listener in world.plane.tables[-1].listeners] == [8099, 8099]


def test_a_target_group_says_which_balancer_uses_it(site, world, aws):
    spare = site.target_group("spare")

    def users(arn):
        groups = aws("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        return groups[0].get("LoadBalancerArns", [])

    assert users(site.blue) == [site.balancer["LoadBalancerArn"]]
    assert users(spare) == []
    aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[{"Type": "forward", "TargetGroupArn": spare}])
    assert users(spare) == [site.balancer["LoadBalancerArn"]]
    assert users(site.blue) == []


def test_a_port_that_somebody_else_took_meanwhile_is_given_up(site, world, aws):
    apply = world.plane.apply

    def taken(table):
        if any(listener.port == 8101 for listener in table.listeners):
            raise RuntimeError("port 8101 is taken")
        return apply(table)

    world.plane.apply = taken
    aws("elbv2").create_listener(
        LoadBalancerArn=site.balancer["LoadBalancerArn"],
        Port=8101,
        Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    assert [listener.port for listener in world.plane.tables[-1].listeners] == [8099, 0]
    applied = len(world.plane.tables)
    world.pass_time(50)
    assert len(world.plane.tables) == applied


def test_a_port_that_is_taken_is_not_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not balancing.free(port)
    assert balancing.free(port)


def test_a_listener_whose_port_is_taken_listens_elsewhere(site, world, aws, monkeypatch):
    monkeypatch.setattr(balancing, "free", lambda port: port != 80)
    aws("elbv2").create_listener(
        LoadBalancerArn=site.balancer["LoadBalancerArn"],
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    assert [listener.port for listener in world.plane.tables[-1].listeners] == [8099, 0]
