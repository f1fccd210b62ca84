"""An instance that boots from its bundle in a real sandbox: real checks, real requests, and a log that fills."""

import json
import time
import urllib.request

import boto3
import pytest

from sandbox import daemon
from tests.sandbox.cloud.bundles import Depot, Secret
from tests.sandbox.cloud.conftest import REGION, Network, Site

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path):
    made = daemon.start(tmp_path / "sandbox", speed=60)
    yield made
    daemon.stop(made.home)


@pytest.fixture
def aws(running):
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    clients = {}

    def client(service):
        if service not in clients:
            clients[service] = boto3.client(service, region_name=REGION, endpoint_url=running.endpoint, **keys)
        return clients[service]

    return client


def ask(url, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=body), timeout=5) as answer:
        return answer.headers, json.load(answer)


def eventually(claim, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def test_a_release_boots_serves_and_is_heard_of(running, aws):
    ask(running.endpoint + "/_sandbox/push", json.dumps({"repository": "shop", "tag": "v1"}).encode())
    site = Site(None, aws, Network(aws))
    depot = Depot(site)
    depot.secret("shop/token", "s3cret")
    wanted = (Secret("TOKEN", "shop/token"),)
    depot.fleet(depot.upload(depot.files(environment={"GREETING": "hello"}, secrets=wanted)))
    eventually(lambda: site.health() == [("healthy", None)] * 2)
    url = ask(running.endpoint + "/_sandbox/state")[1]["listeners"][0]["url"]
    replicas = {ask(url)[0]["X-Service-Replica"] for _ in range(24)}
    assert replicas == {"1", "2", "3", "4"}
    assert {"GREETING", "TOKEN", "BLUEGREEN_COLOR"} <= set(ask(url + "/env-names")[1]["names"])
    assert [line for line in depot.lines("boot") if "BLUEGREEN BOOT READY" in line]
    # One line a second, by whichever replica answered then.
    eventually(lambda: any('"path": "/' in line for number in range(1, 5) for line in depot.lines(f"app{number}")))
    assert "s3cret" not in json.dumps(ask(running.endpoint + "/_sandbox/state")[1])


def test_a_release_that_lacks_a_secret_never_gets_a_request(running, aws):
    ask(running.endpoint + "/_sandbox/push", json.dumps({"repository": "shop", "tag": "v1"}).encode())
    site = Site(None, aws, Network(aws))
    depot = Depot(site)
    depot.fleet(depot.upload(depot.files(secrets=(Secret("TOKEN", "shop/token"),))))
    eventually(lambda: sum(each["StatusCode"] == "Cancelled" for each in depot.activities()) >= 2)
    assert site.health() == []
    assert "step=secrets" in depot.lines("failure")[0]
