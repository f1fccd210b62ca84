"""Configuration on its way to instances, and instances that can't get ready: through the command line, with load."""

import json
import time
import urllib.request

import pytest

from sandbox.project import set_config
from sandbox.rehearsal.seen import production_listener
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
REASON = "boot failed at secrets: secret shop/database has no key url; it has uri"


def served_names(play) -> set[str]:
    """The names in the environment of what serves, asked through the balancer."""
    listener = production_listener(play.stage.state())
    request = urllib.request.Request(listener["url"] + "/env-names", headers={"Host": listener["dns_name"]})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        return set(json.load(answer)["names"])


def test_a_secret_without_its_key_keeps_a_release_out_until_it_has_it():
    with played(settings={"bluegreen:environment": {"GREETING": "hello"}}) as play:
        assert "GREETING" in served_names(play)
        secrets = play.client("secretsmanager")
        secrets.create_secret(Name="shop/database", SecretString='{"uri": "postgres://x:hunter2@db"}')
        set_config(
            play.stage.project, "dev", "bluegreen:secrets", {"DATABASE_URL": {"secret": "shop/database", "key": "url"}}
        )
        with play.load() as clients:
            failed = play.run("deploy", "shop:2.0.0", "--timeout", "4m", expect=4).document
            assert REASON in failed["why"]
            seen = play.run("status").document
            (told,) = seen["colors"]["green"]["launches"]
            assert told.endswith(REASON)
            assert seen["colors"]["green"]["targets"] == []
            lines = [json.loads(line) for line in play.run("logs", "green").out.splitlines()]
            assert any(line["part"] == "failure" and REASON.split("secrets: ")[1] in line["message"] for line in lines)
            assert "hunter2" not in json.dumps(lines)
            # The group tries again without end: what is mended gets ready by itself.
            secrets.put_secret_value(SecretId="shop/database", SecretString='{"url": "postgres://x:hunter2@db"}')
            play.run("deploy", "shop:2.0.0")
            assert play.run("status").document["colors"]["green"]["launches"] == []
            play.run("promote")
        count = clients.stop()
        assert count["failed"] == 0
        assert {"GREETING", "DATABASE_URL"} <= served_names(play)
        ready = [json.loads(line) for line in play.run("logs", "--since", "10m").out.splitlines()]
        assert any("BLUEGREEN BOOT READY" in line["message"] for line in ready)
        assert play.record()["activeColor"] == "green"


def test_checks_that_all_fail_for_three_minutes_cost_no_instance_and_no_request():
    """A database that everybody asks is away. Nobody goes before a successor is ready."""
    with played(settings={"bluegreen:compose": {"min": 2, "max": 4, "grace": 60}}) as play:
        (group,) = (each for each in play.stage.state()["scaling_groups"] if each["desired"])
        time.sleep(1.5)  # the grace period, sixty times as fast
        serving: list[int] = []
        with play.load() as clients:
            play.run("sandbox", "fault", "health-fails", "--color", "blue")
            for round in range(40):  # three minutes, and three more
                if round == 20:
                    play.run("sandbox", "fault", "clear")
                serving.append(in_service(play, group["name"]))
                time.sleep(0.15)
        assert clients.stop()["failed"] == 0
        assert min(serving) >= 2, serving
        assert max(serving) > 2, "nothing was replaced, so nothing was tried"
        play.wait(lambda: play.run("status").document["colors"]["blue"]["healthy"] == 2, "it never got well")


def in_service(play, name: str) -> int:
    found = play.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return sum(member["LifecycleState"] == "InService" for member in found[0]["Instances"])
