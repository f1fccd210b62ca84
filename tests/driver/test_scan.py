"""Which images a scan's findings keep out, and how those that run are kept from expiring."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest

from driver.errors import Invalid, Refused
from driver.keeping import hold, let_go
from driver.release import keep
from driver.release.keep import Tagged
from driver.release.scan import Scan, check, worst
from infra.images import parse_image
from infra.record import Transition
from tests.driver.fakes import serving, world

HOST = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"


def image(tag: str, name: str = "shop") -> str:
    return f"{HOST}/{name}:{tag}@sha256:{hashlib.sha256(tag.encode()).hexdigest()}"


ONE, TWO, THREE = image("1.0.0"), image("2.0.0"), image("3.0.0")
CLEAN = Scan(True, "COMPLETE")


def test_an_image_with_a_forbidden_finding_is_refused_with_what_was_found_and_how_to_look():
    with pytest.raises(Refused, match="has findings that the settings forbid") as caught:
        check(ONE, Scan(True, "COMPLETE", {"CRITICAL": 2, "HIGH": 1, "LOW": 7}), ("HIGH", "CRITICAL"))
    assert caught.value.why == "the scan found 2 CRITICAL and 1 HIGH; registry.forbid has CRITICAL and HIGH"
    assert caught.value.next[0].startswith("$ aws ecr describe-image-scan-findings --registry-id 111122223333")
    assert caught.value.next[0].endswith(f"imageDigest={parse_image(ONE).digest}")


@pytest.mark.parametrize("state", ["not there", "IN_PROGRESS", "FAILED", "UNSUPPORTED_IMAGE"])
def test_an_image_that_nobody_has_scanned_is_refused_where_it_matters(state):
    with pytest.raises(Refused, match="nobody has scanned") as caught:
        check(ONE, Scan(False, state), ("CRITICAL",))
    assert f"its scan is {state}" in caught.value.why
    check(ONE, Scan(False, state), ())


@pytest.mark.parametrize("found", [{}, {"LOW": 3}, {"CRITICAL": 0}])
def test_findings_that_are_not_forbidden_keep_nothing_out(found):
    check(ONE, Scan(True, "COMPLETE", found), ("CRITICAL", "HIGH"))


def test_an_image_of_several_parts_is_as_bad_as_all_of_them_and_known_only_when_all_are():
    assert worst([Scan(True, "COMPLETE", {"HIGH": 1}), Scan(True, "COMPLETE", {"HIGH": 2, "LOW": 1})]) == Scan(
        True, "", {"HIGH": 3, "LOW": 1}
    )
    assert worst([CLEAN, Scan(False, "IN_PROGRESS")]) == Scan(False, "IN_PROGRESS")
    assert not worst([]).done


def test_a_tag_is_the_stacks_own_and_fits_what_a_registry_takes():
    tag = keep.tag("shop", "prod", ONE)
    assert tag == f"live-shop-prod-{parse_image(ONE).digest[7:19]}"
    long = keep.tag("p" * 100, "s" * 100, ONE)
    assert len(long) <= 128
    assert re.fullmatch(r"\w[\w.-]*", long)


def test_only_own_tags_that_no_image_needs_are_stale_and_never_an_images_last():
    begin = keep.front("shop", "dev")
    tags = {
        keep.tag("shop", "dev", ONE): Tagged(parse_image(ONE).digest, False),
        keep.tag("shop", "dev", TWO): Tagged(parse_image(TWO).digest, False),
        keep.tag("shop", "dev", THREE): Tagged(parse_image(THREE).digest, True),
        keep.tag("shop", "dev-2", TWO): Tagged(parse_image(TWO).digest, False),
    }
    assert keep.stale(tags, begin, [ONE]) == (keep.tag("shop", "dev", TWO),)


def runs(blue, green):
    """A stack whose record names these two images."""
    record = serving()
    slots = {color: replace(record.colors[color], image=name) for color, name in (("blue", blue), ("green", green))}
    return world(replace(record, colors=slots))


def test_what_the_record_names_and_what_is_about_to_be_is_held():
    made = runs(ONE, TWO)
    hold(made.ports, THREE)
    assert made.cloud.repository.tags == {
        keep.tag("shop", "dev", one): parse_image(one).digest for one in (ONE, TWO, THREE)
    }
    hold(made.ports, THREE)
    assert len(made.cloud.repository.tags) == 3
    assert made.said == []


def test_what_no_record_names_any_more_is_let_go_and_nothing_else():
    made = runs(ONE, TWO)
    hold(made.ports, THREE)
    made.cloud.repository.tags |= {"3.0.0": parse_image(THREE).digest, "live-shop-prod-000000000000": "sha256:1"}
    let_go(made.ports)
    assert set(made.cloud.repository.tags) == {
        keep.tag("shop", "dev", ONE),
        keep.tag("shop", "dev", TWO),
        "3.0.0",
        "live-shop-prod-000000000000",
    }


def test_the_source_of_a_transition_in_place_is_held_too():
    made = runs(ONE, TWO)
    record = made.record
    source = replace(record.colors["blue"].release, image=THREE)
    transition = Transition("in-place", 0, 1, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", source=source)
    assert keep.named(replace(record, transition=transition)) == (ONE, TWO, THREE)


def test_an_image_of_another_registry_has_nothing_to_hold():
    elsewhere = f"ghcr.io/team/shop@sha256:{'0' * 64}"
    made = runs(elsewhere, elsewhere)
    hold(made.ports, elsewhere)
    let_go(made.ports)
    assert made.cloud.repository.tags == {}


@pytest.mark.parametrize("call", [hold, let_go])
def test_a_registry_that_refuses_is_told_once_and_stops_no_release(call):
    made = runs(ONE, TWO)
    made.cloud.repository.failing = Invalid("AWS denies it", "not authorized to perform: ecr:PutImage")
    call(made.ports)
    (said,) = made.said
    assert said.endswith("not authorized to perform: ecr:PutImage")
