"""The data plane's pure parts: conditions, weights, cookies, behaviours, the wire."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.traffic import behaviours, conditions, cookies, wire
from sandbox.traffic.weights import Scales

LETTERS = "ab/?*.A"


def fits(pattern: str, text: str) -> bool:
    """The meaning of * and ?, spelt out."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and fits(pattern[1:], text[1:])


@given(st.text(LETTERS, max_size=6), st.text("ab/?.A", max_size=6))
def test_path_patterns_mean_what_their_signs_mean(pattern: str, path: str) -> None:
    compiled = conditions.path_pattern(("/nowhere", "/" + pattern))
    assert compiled is None or compiled("/" + path) == fits("/" + pattern, "/" + path)
    assert (compiled is None) == (pattern == "*")


def test_hosts_are_compared_without_case_and_paths_with_it() -> None:
    host, path = conditions.host_pattern(("*.Example.com",)), conditions.path_pattern(("/Api/*",))
    assert host is not None and path is not None
    assert host("WWW.example.COM") and not host("example.com")
    assert path("/Api/x") and not path("/api/x")
    assert conditions.host_pattern(()) is None


def test_a_pattern_without_signs_is_only_itself() -> None:
    compiled = conditions.pattern(("[a-z]+",), any_case=False)
    assert compiled is not None and compiled("[a-z]+") and not compiled("abc")


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.integers(1, 400))
def test_any_run_of_choices_is_within_one_of_its_shares(weights: list[int], n: int) -> None:
    scales = Scales(list(enumerate(weights)))
    chosen = [scales.next() for _ in range(n)]
    for index, weight in enumerate(weights):
        if not sum(weights):
            assert set(chosen) == {None}
        elif weight == 0:
            assert index not in chosen
        elif len(weights) == 2:
            assert abs(chosen.count(index) - n * weight / sum(weights)) < 1
        else:
            assert abs(chosen.count(index) - n * weight / sum(weights)) <= len(weights)


@given(st.text(min_size=1), st.integers(1, 10**6), st.integers(0, 2 * 10**6))
def test_a_cookie_is_good_for_its_subject_until_its_time(subject: str, seconds: int, later: int) -> None:
    seal = cookies.Seal(b"key")
    value = seal.issue(subject, seconds, now=1000)
    holder = seal.holder(value, ["another" + subject, subject], now=1000 + later)
    assert holder == (subject if later < seconds else None)
    assert cookies.Seal(b"other").holder(value, [subject], now=1000) is None


@given(st.text(max_size=40))
def test_a_made_up_cookie_is_nobodys(value: str) -> None:
    assert cookies.Seal().holder(value, ["a", "b"]) is None


def test_a_cookie_is_found_among_others() -> None:
    assert cookies.read("a=1; AWSALBTG=x=y;b=2", "AWSALBTG") == "x=y"
    assert cookies.read("AWSALBTGCORS=1", "AWSALBTG") is None


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        *[("v2", "ok"), ("v2-slow", "slow"), ("slow-start", "slow-start"), ("v3-slow-start", "slow-start")],
        *[("never-healthy", "never-healthy"), ("2-dies-a", "dies"), ("slower", "ok"), ("errors", "errors")],
    ],
)
def test_a_tag_names_a_behaviour(tag: str, kind: str) -> None:
    assert behaviours.of_tag(tag) == kind
    assert behaviours.parse(kind).kind == kind


@given(st.integers(1, 100), st.integers(1, 500))
def test_errors_come_in_their_share(percent: int, n: int) -> None:
    behaviour = behaviours.parse(f"errors={percent / 100}")
    failed = sum(behaviour.fails(nth) for nth in range(n))
    assert abs(failed - n * percent / 100) < 1.001


def test_a_slow_start_is_healthy_after_its_time_and_never_is_never() -> None:
    slow = behaviours.parse("slow-start=2")
    assert not slow.healthy(1.9) and not slow.warm(1.9) and slow.healthy(2.0)
    never = behaviours.parse("never-healthy")
    assert not never.healthy(1e9) and never.warm(0)
    with pytest.raises(ValueError, match="one of ok"):
        behaviours.parse("clumsy")


texts = st.text(max_size=5)
shares = st.builds(wire.Share, texts, st.integers(0, 999))
actions = st.builds(wire.Action, st.sampled_from(("forward", "redirect")), st.lists(shares, max_size=2).map(tuple))
headers = st.tuples(texts, st.lists(texts, max_size=2).map(tuple))
rules = st.builds(
    wire.Rule,
    *(
        texts,
        st.integers(),
        st.lists(texts, max_size=2).map(tuple),
        st.just(()),
        st.lists(headers, max_size=2).map(tuple),
    ),
    actions,
)
listeners = st.builds(
    wire.Listener,
    *(
        texts,
        texts,
        texts,
        texts,
        st.integers(),
        st.integers(),
        st.just("HTTP"),
        st.lists(rules, max_size=2).map(tuple),
    ),
    actions,
)
targets = st.builds(wire.Target, texts, texts, st.integers(), st.sampled_from(("healthy", "draining")))
groups = st.builds(wire.Group, texts, st.lists(targets, max_size=2).map(tuple), idle_timeout=st.floats(0, 100))
tables = st.builds(
    wire.Table, st.integers(), st.lists(listeners, max_size=2).map(tuple), st.lists(groups, max_size=2).map(tuple)
)


@given(tables)
def test_a_table_survives_the_wire(table: wire.Table) -> None:
    assert wire.load(wire.Table, json.loads(wire.line(wire.dump(table)))) == table


@pytest.mark.parametrize(
    ("kind", "doc"),
    [
        (wire.Share, {"group": "g", "weight": "1"}),
        (wire.Share, {"group": "g", "weight": True}),
        (wire.Share, {"group": "g"}),
        (wire.Share, {"group": "g", "weight": 1, "color": "blue"}),
        (wire.Target, {"id": "i", "address": "a", "port": 1, "state": "fine"}),
        (wire.Share, []),
    ],
)
def test_what_is_not_a_value_is_refused(kind: Any, doc: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.load(kind, doc)


def test_a_tally_by_the_names_of_cloudwatch() -> None:
    tally = wire.Tally(
        requests=7,
        target_codes={"2XX": 3, "5XX": 1},
        elb_codes={"502": 2, "503": 1, "460": 1},
        latency=tuple(4 * (edge == 0.001) for edge in (*wire.LATENCY_EDGES, None)),
        latency_sum=0.003,
    )
    metrics = tally.metrics()
    assert metrics["RequestCount"] == 7
    assert metrics["HTTPCode_Target_5XX_Count"] == 1
    assert (metrics["HTTPCode_ELB_5XX_Count"], metrics["HTTPCode_ELB_502_Count"]) == (3, 2)
    assert metrics["HTTPCode_ELB_4XX_Count"] == 1
    assert metrics["TargetResponseTime"] == pytest.approx(0.00075)
    assert tally.latency_percentile(95) == 0.001
    assert wire.Tally().latency_percentile(95) is None
