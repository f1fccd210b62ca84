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
        seen = Seen(play, group["name"])
        with play.load() as clients:
            began = time.monotonic()
            play.run("sandbox", "fault", "health-fails", "--color", "blue")
            play.wait(lambda: seen.again() and len(seen.ids) > 2, "no successor was launched, so nothing was tried")
            while time.monotonic() < began + 3:  # three minutes, sixty times as fast
                seen.again()
            play.run("sandbox", "fault", "clear")
            play.wait(lambda: seen.again() and healthy(play) == 2, "it never got well")
        assert clients.stop()["failed"] == 0
        assert min(seen.serving) >= 2, seen.serving


class Seen:
    """A scaling group, looked at again and again: who was ever in it, and how many served each time."""

    def __init__(self, play, name: str) -> None:
        self._groups, self._name = play.client("autoscaling"), name
        self.ids: set[str] = set()
        self.serving: list[int] = []

    def again(self) -> bool:
        found = self._groups.describe_auto_scaling_groups(AutoScalingGroupNames=[self._name])["AutoScalingGroups"]
        members = found[0]["Instances"]
        self.ids |= {member["InstanceId"] for member in members}
        self.serving.append(sum(member["LifecycleState"] == "InService" for member in members))
        return True


def healthy(play) -> int:
    return play.run("status").document["colors"]["blue"]["healthy"]
