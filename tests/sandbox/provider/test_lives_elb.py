"""Load balancers, listeners, rules and target groups from creation to deletion."""

from __future__ import annotations

import pytest

from sandbox.engine.protocol import UNKNOWN, Change
from tests.sandbox.provider.lives import GONE, Story, refused

TAGS = {"tags": {"Name": "x", "team": "web"}}
RETAG = {"tags": {"Name": "y", "cost": "1"}}
NOTHING = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
ANY_PATH = [{"pathPattern": {"values": ["/*"]}}]


def balancer(world):
    return {
        "subnets": [world.subnet(1).id, world.subnet(0).id],
        "securityGroups": [world.security_group().id],
        "idleTimeout": 30,
        "dropInvalidHeaderFields": True,
        **TAGS,
    }


def target_group(world):
    return {
        "vpcId": world.vpc().id,
        "port": 8080,
        "protocol": "HTTP",
        "deregistrationDelay": 30,
        "healthCheck": {
            "path": "/health/deep",
            "interval": 30,
            "timeout": 5,
            "healthyThreshold": 2,
            "unhealthyThreshold": 3,
            "matcher": "200",
        },
        **TAGS,
    }


def listener(world):
    return {
        "loadBalancerArn": world.balancer().id,
        "port": world.free_port(),
        "protocol": "HTTP",
        "defaultActions": [NOTHING],
        **TAGS,
    }


def forward(groups, weights, seconds=0):
    """As the production rule does: both groups always, in fixed order."""
    pairs = [{"arn": arn, "weight": weight} for arn, weight in zip(groups, weights, strict=True)]
    sticky = {"enabled": bool(seconds), "duration": seconds or 1}
    return [{"type": "forward", "forward": {"targetGroups": pairs, "stickiness": sticky}}]


def rule(world, weights=(100, 0)):
    balancer, port = world.balancer(), world.free_port()
    listener = world.make(LISTENER, loadBalancerArn=balancer.id, port=port, defaultActions=[NOTHING])
    return {
        "listenerArn": listener.id,
        "priority": 10,
        "conditions": ANY_PATH,
        "actions": forward(world.target_groups(), weights),
        **TAGS,
    }


def certificate(world, life):
    name = f"certificate-{world.free_port()}"
    made = world.provider._clients("iam", "us-east-1").upload_server_certificate(
        ServerCertificateName=name, CertificateBody="body", PrivateKey="key"
    )
    return made["ServerCertificateMetadata"]["Arn"]


def groups_of(life):
    return [group["arn"] for group in life["actions"][0]["forward"]["targetGroups"]]


LISTENER, RULE = "aws:lb/listener:Listener", "aws:lb/listenerRule:ListenerRule"
GROUP, BALANCER = "aws:lb/targetGroup:TargetGroup", "aws:lb/loadBalancer:LoadBalancer"
REDIRECT = {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}
STORIES = [
    Story(
        BALANCER,
        balancer,
        updates=(
            {"idleTimeout": 90, "enableDeletionProtection": True},
            {"enableDeletionProtection": False, "xffHeaderProcessingMode": "preserve"},
            {"securityGroups": lambda world, life: [world.security_group().id]},
            {"subnets": lambda world, life: [*life["subnets"][:1], world.subnet(2).id]},
            {"accessLogs": {"bucket": "logs", "enabled": True, "prefix": "p"}},
            {"accessLogs": GONE, "connectionLogs": {"bucket": "logs", "enabled": True}},
            {"clientKeepAlive": 60, "desyncMitigationMode": "strictest", "enableHttp2": False},
            {"preserveHostHeader": True, "enableXffClientPort": True, "enableWafFailOpen": True},
            {"enableTlsVersionAndCipherSuiteHeaders": True, "enableZonalShift": True, "dropInvalidHeaderFields": False},
            {"ipAddressType": "dualstack"},
            RETAG,
            {"tags": GONE},
        ),
        replaces=({"internal": True}, {"name": "other"}),
    ),
    Story(
        GROUP,
        target_group,
        updates=(
            {"deregistrationDelay": 60, "slowStart": 30},
            {"healthCheck": {"path": "/health", "interval": 10, "timeout": 4, "matcher": "200-299"}},
            {"loadBalancingAlgorithmType": "least_outstanding_requests", "slowStart": 0},
            {"stickiness": {"type": "lb_cookie", "enabled": True, "cookieDuration": 600}},
            {"stickiness": {"type": "lb_cookie", "enabled": False}},
            {"stickiness": {"type": "app_cookie", "cookieName": "session", "cookieDuration": 60}},
            {"loadBalancingAlgorithmType": "weighted_random", "loadBalancingAnomalyMitigation": "on"},
            {"loadBalancingCrossZoneEnabled": "true"},
            RETAG,
            {"tags": GONE},
        ),
        replaces=(
            {"port": 9090},
            {"protocol": "HTTPS"},
            {"targetType": "ip"},
            {"vpcId": "vpc-other"},
            {"protocolVersion": "HTTP2"},
            {"ipAddressType": "ipv6"},
            {"name": "other"},
        ),
    ),
    Story(
        LISTENER,
        listener,
        updates=(
            {"port": 82},
            {"defaultActions": [REDIRECT]},
            {"defaultActions": lambda world, life: [{"type": "forward", "targetGroupArn": world.target_groups()[0]}]},
            {
                "defaultActions": [
                    NOTHING | {"fixedResponse": {"contentType": "text/html", "messageBody": "no", "statusCode": "503"}}
                ]
            },
            {"protocol": "HTTPS", "certificateArn": certificate, "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
            {"certificateArn": certificate},
            RETAG,
        ),
        replaces=({"loadBalancerArn": "arn:other"},),
    ),
    Story(
        RULE,
        rule,
        updates=(
            {"actions": lambda world, life: forward(groups_of(life), (0, 100))},
            {"actions": lambda world, life: forward(groups_of(life), (90, 10), 60)},
            {"actions": lambda world, life: forward(groups_of(life), (90, 10))},
            {"priority": 20},
            {"conditions": [*ANY_PATH, {"hostHeader": {"values": ["example.com"]}}]},
            {"actions": lambda world, life: [{"type": "forward", "targetGroupArn": groups_of(life)[1]}]},
            {"actions": [NOTHING]},
            RETAG,
        ),
        replaces=({"listenerArn": "arn:other"},),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.type_)
def test_life(story, world):
    story.tell(world)


def test_a_shift_changes_the_weights_and_nothing_else(world):
    inputs = rule(world)
    life = world.life(RULE).create(inputs)
    shifted = inputs | {"actions": forward(groups_of(life), (90, 10))}
    found = life.diff(shifted)
    weight = "actions[0].forward.targetGroups[{}].weight".format
    assert found.detailed == {weight(0): Change.UPDATE, weight(1): Change.UPDATE}
    assert found.replaces == ()

    planned = life.update(shifted, preview=True)
    assert [group["weight"] for group in planned["actions"][0]["forward"]["targetGroups"]] == [90, 10]
    assert planned["arn"] == life["arn"], "what a shift does not touch stays known"
    life.update(shifted)
    assert [group["weight"] for group in life["actions"][0]["forward"]["targetGroups"]] == [90, 10]


def test_weights_set_behind_pulumis_back_are_seen_by_a_refresh(world, aws):
    inputs = rule(world)
    life = world.life(RULE).create(inputs)
    blue, green = groups_of(life)
    groups = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}]
    aws("elbv2").modify_rule(RuleArn=life.id, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])

    life.refresh()
    assert [group["weight"] for group in life.inputs["actions"][0]["forward"]["targetGroups"]] == [0, 100]
    assert life.diff(inputs).changes
    life.update(inputs)
    held = aws("elbv2").describe_rules(RuleArns=[life.id])["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
    assert [group["Weight"] for group in held] == [100, 0]


def test_groups_keep_the_order_in_which_they_were_given(world):
    inputs = rule(world)
    life = world.life(RULE)
    inputs["actions"][0]["forward"]["targetGroups"].reverse()
    wanted = [group["arn"] for group in inputs["actions"][0]["forward"]["targetGroups"]]
    life.create(inputs)
    assert groups_of(life) == wanted
    life.refresh()
    assert groups_of(life) == wanted


def test_ignored_actions_stay_as_they_are(world, aws):
    """As with a rule whose weights another mover owns."""
    inputs = rule(world)
    life = world.life(RULE).create(inputs)
    blue, green = groups_of(life)
    groups = [{"TargetGroupArn": blue, "Weight": 1}, {"TargetGroupArn": green, "Weight": 99}]
    aws("elbv2").modify_rule(RuleArn=life.id, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])
    life.refresh()
    wanted = inputs | {"priority": 7, "actions": forward([blue, green], (50, 50))}
    assert set(life.diff(wanted, ("actions",)).detailed) == {"priority"}
    life.update(wanted, ("actions",))
    assert [group["weight"] for group in life["actions"][0]["forward"]["targetGroups"]] == [1, 99]
    assert life["priority"] == 7


def test_one_ignored_weight(world):
    inputs = rule(world)
    life = world.life(RULE).create(inputs)
    wanted = inputs | {"actions": forward(groups_of(life), (60, 40))}
    ignored = "actions[0].forward.targetGroups[1].weight"
    assert set(life.diff(wanted, (ignored,)).detailed) == {"actions[0].forward.targetGroups[0].weight"}
    assert not life.diff(wanted, ("actions[*].forward.targetGroups[*].weight",)).changes


def test_a_rule_without_a_priority_comes_last(world):
    first = rule(world)
    world.make(RULE, **first)
    second = world.make(RULE, listenerArn=first["listenerArn"], conditions=ANY_PATH, actions=[NOTHING])
    assert second["priority"] == 11


def test_a_fixed_name_is_free_only_after_its_owner_is_gone(world):
    inputs = target_group(world) | {"name": "fixed"}
    life = world.life(GROUP).create(inputs)
    assert life.diff(inputs | {"port": 9090}).delete_before_replace
    assert not life.diff(inputs | {"port": 9090, "name": "another"}).delete_before_replace

    named = {key: value for key, value in inputs.items() if key != "name"}
    free = world.life(GROUP).create(named)
    assert not free.diff(named | {"port": 9090}).delete_before_replace


def test_a_name_prefix(world):
    inputs = target_group(world) | {"namePrefix": "blue-"}
    planned = world.life(GROUP).preview(inputs)
    assert planned.outputs["name"] is UNKNOWN
    life = world.life(GROUP).create(inputs)
    assert life["name"].startswith("blue-")
    assert len(life["name"]) <= 32
    assert not life.diff(inputs).changes


@pytest.mark.parametrize(
    ("type_", "inputs", "words"),
    [
        (GROUP, {"port": 1, "protocol": "HTTP"}, "vpcId: vpcId should be set"),
        (GROUP, {"port": 1, "protocol": "HTTP", "vpcId": "v", "slowStart": 5}, "between 30 and 900"),
        (GROUP, {"port": 1, "protocol": "SMTP", "vpcId": "v"}, "one of .*HTTP"),
        (GROUP, {"port": 1, "protocol": "HTTP", "vpcId": "v", "healthCheck": {"interval": 5, "timeout": 6}}, "below"),
        (GROUP, {"port": 1, "protocol": "HTTP", "vpcId": "v", "healthChek": {}}, "does not have this input"),
        (BALANCER, {"subnets": ["one"]}, "at least two zones"),
        (LISTENER, {"loadBalancerArn": "a", "port": 443, "protocol": "HTTPS", "defaultActions": [NOTHING]}, "certifi"),
        (LISTENER, {"loadBalancerArn": "a", "port": 80, "defaultActions": [{"type": "forward"}]}, "needs target"),
        (RULE, {"listenerArn": "a", "actions": forward(["a", "b"], (1000, 0)), "conditions": ANY_PATH}, "most 999"),
        (RULE, {"listenerArn": "a", "actions": forward(["a", "b"], (-5, 0)), "conditions": ANY_PATH}, "least 0"),
        (RULE, {"listenerArn": "a", "actions": [NOTHING], "conditions": ANY_PATH, "priority": 50001}, "most 50000"),
        (RULE, {"listenerArn": "a", "actions": [NOTHING], "conditions": [{}]}, "exactly one of"),
        (RULE, {"actions": [NOTHING], "conditions": ANY_PATH}, "Missing required argument: 'listenerArn'"),
    ],
)
def test_refused_before_anything_is_made(world, type_, inputs, words):
    import re

    assert re.search(words, refused(world.life(type_), inputs))


def test_unknown_inputs_are_taken_in_a_preview(world):
    life = world.life(RULE)
    planned = life.preview({"listenerArn": UNKNOWN, "actions": UNKNOWN, "conditions": [UNKNOWN]})
    assert planned.outputs["arn"] is UNKNOWN
    pairs = {"targetGroups": [{"arn": UNKNOWN, "weight": 1}, {"arn": UNKNOWN, "weight": UNKNOWN}]}
    known = life.preview(
        {"listenerArn": "a", "conditions": ANY_PATH, "actions": [{"type": "forward", "forward": pairs}]}
    )
    assert known.outputs["actions"][0]["forward"]["targetGroups"][0]["arn"] is UNKNOWN
    world.life(BALANCER).preview({"subnets": UNKNOWN, "securityGroups": [UNKNOWN]})
    world.life(GROUP).preview({"port": 8080, "protocol": "HTTP", "vpcId": UNKNOWN, "healthCheck": UNKNOWN})
