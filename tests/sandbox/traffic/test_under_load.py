"""What clients see while the table changes under them: nothing."""

import time
from dataclasses import replace
from typing import Any

import pytest

from sandbox.traffic.load import Load

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many


def test_flipping_weights_under_load_fails_no_request(site: Any) -> None:
    for color in ("blue", "green"):
        site.group(color, *(site.boot(f"{color}{n}", color) for n in (1, 2)))
    site.weigh(blue=100, green=0)
    load = Load.start(site.connect, "web", rate=400)
    site.wait_for_requests(20)
    for weight in (0, 100, 10, 50, 0, 100):
        site.weigh(blue=weight, green=100 - weight)
        time.sleep(0.05)
    report = load.stop()
    assert report.failed == 0
    assert report.ok == report.sent >= 100
    assert report.by_color["blue"] + report.by_color["green"] == report.ok
    assert min(report.by_color.values()) > 20


def test_draining_and_stopping_targets_under_load_fails_no_request(site: Any) -> None:
    targets = [site.boot(f"app{n}") for n in range(4)]
    site.group("blue", *targets)
    site.weigh(blue=1)
    load = Load.start(site.connect, "web", path="/sleep/30", rate=400)
    site.wait_for_requests(20)
    for leaving in targets[:3]:
        targets[targets.index(leaving)] = replace(leaving, state="draining")
        site.group("blue", *targets)
        site.serve()
        site.apps.stop(leaving.id, 1)
        time.sleep(0.1)
    site.group("blue", targets[3])
    site.serve()
    time.sleep(0.1)
    report = load.stop()
    assert (report.failed, report.failures) == (0, ())
    assert report.ok == report.sent
    assert site.apps.log(targets[0].id)[-1] == "stopped"


def test_a_small_share_gets_its_requests_however_often_the_table_changes(site: Any) -> None:
    """Health changes apply the table again and again; the weights stay, so nothing may start anew."""
    for color in ("blue", "green"):
        site.group(color, *(site.boot(f"{color}{n}", color) for n in (1, 2)))
    seen = []
    for _ in range(40):
        site.weigh(blue=90, green=10)
        seen.append(site.get()[0].headers["X-Service-Instance"].partition("-")[0])
    assert seen.count("green1") == seen.count("green2") == 2
    assert seen.count("blue1") == seen.count("blue2") == 18
