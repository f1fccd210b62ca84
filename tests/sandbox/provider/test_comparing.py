"""What counts as a change, what of it makes a new resource, and what is to be ignored."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine.protocol import UNKNOWN, Change
from sandbox.provider.comparing import compare_fields, refreshed_inputs, shown, without_ignored
from sandbox.provider.paths import parse, show
from sandbox.provider.schema import block, blocks, flag, json_text, labels, number, text, texts

FIELDS = {
    "name": text(replaces=True, kept=True),
    "size": number(),
    "open": flag(False),
    "document": json_text(),
    "zones": texts(),
    "steps": texts(ordered=True),
    "tags": labels(),
    "check": block({"path": text(kept=True), "interval": number(), "port": text(replaces=True)}, kept=True),
    "shares": blocks({"arn": text(required=True), "weight": number()}, key="arn"),
    "actions": blocks({"type": text(), "forward": block({"to": text()})}, ordered=True),
}

words = st.text('abc.:[]"\\ /', min_size=1, max_size=6)
keys = st.text("abcdefgh", min_size=1, max_size=5)
values = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "size": st.integers(-5, 5),
        "open": st.booleans(),
        "document": st.sampled_from(['{"a": 1}', "[]", "no json"]),
        "zones": st.lists(words, unique=True, max_size=4),
        "steps": st.lists(words, max_size=4),
        "tags": st.dictionaries(words, words, max_size=4),
        "check": st.fixed_dictionaries({}, optional={"path": words, "interval": st.integers(1, 3), "port": words}),
        "shares": st.lists(
            st.fixed_dictionaries({"arn": words, "weight": st.integers(0, 2)}), unique_by=lambda s: s["arn"], max_size=4
        ),
        "actions": st.lists(
            st.fixed_dictionaries({"type": words}, optional={"forward": st.fixed_dictionaries({"to": words})}),
            max_size=3,
        ),
    },
)


few = settings(max_examples=50, deadline=None)


def diff(there, asked, wanted):
    return shown(compare_fields(FIELDS, there, asked, wanted))


@few
@given(values)
def test_the_same_is_no_change(held):
    assert diff(held, held, held) == {}
    assert refreshed_inputs(FIELDS, held, held) == held


@few
@given(values, st.randoms(use_true_random=False))
def test_the_order_of_a_set_is_no_change(held, random):
    shuffled = dict(held)
    for key in ("zones", "shares"):
        if key in held:
            shuffled[key] = random.sample(held[key], len(held[key]))
    assert diff(held, held, shuffled) == {}


@few
@given(values, values)
def test_what_is_ignored_does_not_change(there, wanted):
    kept = without_ignored(wanted, there, there, list(FIELDS))
    assert diff(there, there, kept) == {}


@few
@given(values, values)
def test_only_what_differs_is_said_to(there, wanted):
    for path in diff(there, there, wanted):
        key = str(parse(path)[0])
        assert there.get(key) != wanted.get(key)


@few
@given(values, values)
def test_what_differs_is_said_to(there, wanted):
    """But for what AWS keeps, and for a nothing that only says so."""
    found = {str(parse(path)[0]) for path in diff(there, there, wanted)}
    for key in FIELDS.keys() - {"name", "check", "document"}:
        old, new = there.get(key), wanted.get(key)
        same = sorted(map(str, old or [])) == sorted(map(str, new or [])) if key in ("zones", "shares") else old == new
        if not same and (old or new):
            assert key in found


@few
@given(st.lists(keys | words | st.integers(0, 20), min_size=1, max_size=5).map(tuple))
def test_a_path_is_read_as_it_is_shown(path):
    path = (path[0] if isinstance(path[0], str) else str(path[0]), *path[1:])
    assert parse(show(path)) == path


class TestKinds:
    def test_a_replacing_input(self):
        assert diff({"name": "a"}, {"name": "a"}, {"name": "b"}) == {"name": Change.UPDATE_REPLACE}
        assert diff({}, {}, {"name": "b"}) == {"name": Change.ADD_REPLACE}

    def test_a_replacing_field_of_a_block(self):
        old = {"check": {"port": "80", "interval": 5}}
        assert diff(old, old, {"check": {"port": "81", "interval": 6}}) == {
            "check.port": Change.UPDATE_REPLACE,
            "check.interval": Change.UPDATE,
        }

    def test_what_aws_chose_is_no_change(self):
        there = {"name": "chosen", "check": {"path": "/", "interval": 5}}
        assert diff(there, {"check": {"interval": 5}}, {"check": {"interval": 5}}) == {}

    def test_what_is_left_out_after_it_was_asked_for(self):
        old = {"size": 3, "check": {"interval": 5}}
        assert diff(old, old, {}) == {"size": Change.DELETE}
        assert diff(old, old, {"size": 3, "check": {}}) == {"check.interval": Change.DELETE}

    def test_a_document_is_compared_by_what_it_says(self):
        assert diff({"document": '{"a":1,"b":2}'}, {}, {"document": '{ "b": 2, "a": 1 }'}) == {}
        assert diff({"document": '{"a":1}'}, {}, {"document": '{"a": 2}'}) == {"document": Change.UPDATE}

    def test_not_known_yet_is_a_change(self):
        old = {"size": 3, "name": "a", "tags": {"k": "v"}, "shares": [{"arn": "a", "weight": 1}]}
        assert diff(old, old, old | {"size": UNKNOWN}) == {"size": Change.UPDATE}
        assert diff(old, old, old | {"name": UNKNOWN}) == {"name": Change.UPDATE_REPLACE}
        assert diff(old, old, old | {"tags": {"k": UNKNOWN}}) == {"tags.k": Change.UPDATE}
        shares = [{"arn": UNKNOWN, "weight": 1}]
        assert diff(old, old, old | {"shares": shares}) == {"shares[0]": Change.UPDATE}

    def test_a_label_by_its_name(self):
        old = {"tags": {"bluegreen:color": "blue", "a.b": "c"}}
        new = {"tags": {"bluegreen:color": "green", "new": "x"}}
        assert diff(old, old, new) == {
            "tags.bluegreen:color": Change.UPDATE,
            'tags["a.b"]': Change.DELETE,
            "tags.new": Change.ADD,
        }

    def test_an_element_by_its_key(self):
        old = {"shares": [{"arn": "a", "weight": 1}, {"arn": "b", "weight": 2}]}
        new = {"shares": [{"arn": "b", "weight": 3}, {"arn": "a", "weight": 1}]}
        assert diff(old, old, new) == {"shares[0].weight": Change.UPDATE}
        one = {"shares": [{"arn": "b", "weight": 2}]}
        assert diff(old, old, one) == {"shares[0]": Change.DELETE}

    def test_longer_and_shorter_lists(self):
        old = {"actions": [{"type": "a"}, {"type": "b"}], "steps": ["one"]}
        new = {"actions": [{"type": "a"}], "steps": ["one", "two"]}
        assert diff(old, old, new) == {"actions[1]": Change.DELETE, "steps[1]": Change.ADD}


class TestIgnored:
    def test_a_whole_input(self):
        assert without_ignored({"size": 5}, {"size": 9}, {"size": 5}, ["size"]) == {"size": 9}

    def test_an_input_that_was_never_there(self):
        assert without_ignored({"size": 5}, {}, {}, ["size"]) == {}

    def test_in_the_shape_in_which_it_was_asked_for(self):
        there = {"check": {"path": "/", "interval": 7, "port": "80"}}
        wanted = without_ignored({"check": {"interval": 5}}, there, {"check": {"interval": 5}}, ["check"])
        assert wanted == {"check": {"interval": 7}}

    @pytest.mark.parametrize("path", ["shares[*].weight", "shares[0].weight", 'shares[0]["weight"]'])
    def test_a_field_of_an_element(self, path):
        there = {"shares": [{"arn": "a", "weight": 1}]}
        assert without_ignored({"shares": [{"arn": "a", "weight": 5}]}, there, there, [path]) == there

    def test_one_label(self):
        there = {"tags": {"a": "1"}}
        wanted = without_ignored({"tags": {"a": "2", "b": "2"}}, there, there, ["tags.a"])
        assert wanted == {"tags": {"a": "1", "b": "2"}}


def test_a_refresh_takes_only_what_is_no_longer_as_asked():
    asked = {"size": 5, "zones": ["b", "a"], "check": {"interval": 5}, "tags": {"a": "1"}, "document": '{ "a": 1 }'}
    there = {
        "size": 6,
        "zones": ["a", "b"],
        "check": {"interval": 5, "path": "/"},
        "tags": {"a": "1", "by hand": "x"},
        "document": '{"a":1}',
        "name": "chosen",
    }
    assert refreshed_inputs(FIELDS, there, asked) == asked | {"size": 6, "tags": {"a": "1", "by hand": "x"}}
