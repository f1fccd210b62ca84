"""What a rehearsal reports: never success after a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.rehearsal.acts import Act, next_image, play, repository_and_tag
from sandbox.rehearsal.outcome import Played, Rehearsed, Tally

PROMOTE = Act("promote", ("promote",), shifts=True)


def played(code=0, failed=0, act=PROMOTE, **document):
    return Played(act, code, 1.5, {"stack_updates": 1, **document}, Tally(100, failed, {"green": 100 - failed}))


def rehearsed(*acts, failed=0, complete=True):
    return Rehearsed(
        "shop",
        "dev",
        "embedded",
        30,
        200,
        acts,
        Tally(1000, failed, {"blue": 1000 - failed}),
        {},
        (),
        9.0,
        None,
        complete,
    )


def test_all_well_is_zero_and_says_how_many():
    whole = rehearsed(played())
    assert whole.exit_code == 0
    assert whole.reason == "1,000 requests, none failed"
    assert whole.document()["outcome"] == "rehearsed"


def test_a_failed_request_is_a_failed_rehearsal():
    whole = rehearsed(played(), failed=1)
    assert whole.exit_code == 1
    assert whole.reason == "1 of 1000 requests failed"
    assert whole.document()["next"] is None


def test_a_failed_verb_gives_its_own_exit_code_and_reason():
    whole = rehearsed(played(), played(3, reason="green has 1 healthy target"))
    assert whole.exit_code == 3
    assert whole.reason == "promote ended with exit 3: green has 1 healthy target"


def test_a_killed_verb_is_told_by_its_last_words():
    dead = Played(PROMOTE, -9, 1.0, {}, Tally(), "first\nlast words\n")
    assert rehearsed(dead).exit_code != 0
    assert "last words" in rehearsed(dead).reason


def test_a_play_that_was_cut_short_is_no_success():
    assert rehearsed(played(), complete=False).exit_code == 1


def test_a_rejected_release_is_what_a_fault_should_bring():
    deploy, *_ = play("shop:2", fault="errors")
    assert played(4, act=deploy).as_it_should
    assert not played(4).as_it_should
    assert not played(4, failed=1, act=deploy).as_it_should


def test_the_document_lists_transitions_apart_from_other_acts():
    document = rehearsed(played(act=Act("up", ("up",))), played()).document()
    assert [act["verb"] for act in document["acts"]] == ["up", "promote"]
    assert [shift["verb"] for shift in document["transitions"]] == ["promote"]
    assert document["stack_updates"] == 2


counts = st.dictionaries(st.sampled_from(["blue", "green", "none"]), st.integers(0, 10**6))


@given(counts, counts)
def test_a_tally_since_another_adds_up(earlier, more):
    total = {color: earlier.get(color, 0) + more.get(color, 0) for color in {*earlier, *more}}
    since = Tally(7, 2, total).since(Tally(3, 1, earlier))
    assert (since.sent, since.failed) == (4, 1)
    assert {color: count for color, count in since.by_color.items() if count} == {
        color: count for color, count in more.items() if count
    }


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("shop:1.0.0", "shop", "1.0.0"),
        ("shop", "shop", "latest"),
        ("team/shop:2", "team/shop", "2"),
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/team/shop:2", "team/shop", "2"),
        ("localhost:5000/shop", "shop", "latest"),
        ("shop:1@sha256:00", "shop", "1"),
    ],
)
def test_an_image_is_named_by_repository_and_tag(image, repository, tag):
    assert repository_and_tag(image) == (repository, tag)


@pytest.mark.parametrize(
    ("image", "following"),
    [("shop:1", "shop:next"), ("shop", "shop:next"), ("host:5000/shop", "host:5000/shop:next")],
)
def test_the_next_image_is_of_the_same_repository(image, following):
    assert next_image(image) == following


def test_a_verb_that_moves_the_traffic_before_all_else_tells_how_soon():
    act = Act("rollback", ("rollback",))
    moved = Played(act, 0, 8.9, {"outcome": "rolled back", "moved_seconds": 1.04}, Tally())
    assert moved.told == "rolled back, traffic after 1.0 s"
    assert Played(act, 0, 8.9, {"outcome": "promoted"}, Tally()).told == "promoted"
    assert Played(act, 4, 8.9, {}, Tally()).told == "exit 4"
