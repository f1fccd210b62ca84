"""Locks in the way: whose they are, and that only the one that a person names is taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import boto3
import click
import pytest
from moto import mock_aws
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error

from driver.checkout import Checkout
from driver.cli import cli
from driver.ending import ended
from driver.errors import Busy, Invalid
from driver.stack.automation import PulumiStack
from driver.stack.failures import Locked
from driver.stack.held import Lock, Word, named, take_away
from driver.stack.watch import Watch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEAD = (
    "\n code: 1\n stdout: \n stderr: error: the stack is currently locked by 1 lock(s). Either wait for the other "
    "process(es) to end or delete the lock file with `pulumi cancel`."
)


def said(url, pid=12):
    return f"{HEAD}\n  {url}: created by anna@host (pid {pid}) at 2026-03-01T09:30:00Z"


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock's file, with another one beside it."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "a state" / ".pulumi" / "locks"
    folder.mkdir(parents=True)
    for name in ("aaaa", "bbbb"):
        (folder / f"{name}.json").write_text("{}")
        (folder / f"{name}.json.attrs").write_text("{}")
    return folder / "aaaa.json"


def test_an_owner_is_named_with_id_and_age():
    (found,) = named(said("file:///state/.pulumi/locks/organization/shop/dev/38516033-d445.json?no_tmp_dir=true"))
    assert (found.id, found.who, found.host, found.pid) == ("38516033-d445", "anna", "host", 12)
    phrase = "anna@host (pid 12) since 2026-03-01T09:30:00Z (2 h 30 min), lock 38516033-d445"
    assert found.spoken(NOON) == phrase
    assert found.data(NOON)["age_seconds"] == 9000


def test_each_lock_of_several_is_found_and_one_that_cannot_be_read_too():
    text = (
        f"{HEAD}\n  file:///a b/one.json: unreadable\n  s3://state/p/two.json?region=x: created by b c@h (pid 3) at now"
    )
    assert [(one.id, one.pid, one.who) for one in named(text)] == [("one", 0, ""), ("two", 3, "b c")]
    assert named(text)[0].spoken(NOON) == "someone who can't be read, lock one"
    assert named(text)[1].data(NOON)["age_seconds"] is None
    assert named("[409] Conflict: Another update is currently in progress.") == ()


def test_a_lock_in_the_way_is_told_with_how_to_break_it():
    failure = Locked.of(said("file:///s/38516033.json"), "deploy")
    assert failure.exit_code == 5
    assert "anna@host (pid 12) since 2026-03-01T09:30:00Z" in failure.why
    assert "lock 38516033" in failure.why
    assert failure.facts["locks"][0]["id"] == "38516033"


def test_what_is_named_first_is_what_helps():
    """Whom one can wait for; else a person's word, for no waiting ends a lock that was left."""
    text = said("file:///s/1.json")
    assert Locked.of(text, "promote", seen=True).next == ("wait", "status", "promote --break-lock 1")
    left = Locked.of(text, "deploy")
    assert left.next == ("deploy IMAGE --break-lock 1", "status")
    assert "no driver is seen at work" in left.why
    service = "[409] Conflict: Another update is currently in progress."
    assert Locked.of(service, seen=True).next == ("wait", "status", "$ pulumi cancel")
    assert Locked.of(service).next == ("status", "$ pulumi cancel")


@pytest.mark.parametrize("verb", ["up", "deploy", "promote", "rollback", "resume", "retire", "destroy"])
def test_each_verb_that_meets_a_lock_takes_the_word_that_it_asks_for(verb):
    command = cli.get_command(click.Context(cli), verb)
    assert "--break-lock" in [name for option in command.params for name in option.opts]


def test_exactly_the_lock_that_is_named_is_taken_away(lock):
    other = lock.with_name("bbbb.json")
    text = f"{said(f'file://{lock}')}\n  file://{other}: created by ben@host (pid 13) at 2026-03-01T09:30:00Z"
    assert take_away(named(text), "aaaa").who == "anna"
    assert sorted(file.name for file in lock.parent.iterdir()) == ["bbbb.json", "bbbb.json.attrs"]


def test_another_id_takes_nothing_away_and_names_the_one_that_is_held(lock):
    with pytest.raises(Busy, match="not the one that is held") as caught:
        take_away(named(said(f"file://{lock}")), "cccc")
    assert "held is aaaa" in caught.value.why
    assert caught.value.exit_code == 5
    assert lock.exists()


def test_a_lock_that_may_not_be_deleted_is_told(lock, monkeypatch):
    def refuse(self, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(Invalid, match="can't be taken away") as caught:
        take_away(named(said(f"file://{lock}")), "aaaa")
    assert "Permission denied" in caught.value.why
    assert caught.value.next[0].startswith("$ rm ")


@pytest.mark.parametrize(
    ("url", "hint"), [("gs://state/x/1.json", "gcloud"), ("azblob://state/x/1.json", "az storage")]
)
def test_a_backend_out_of_reach_is_told_with_what_to_delete(url, hint):
    with pytest.raises(Invalid) as caught:
        take_away([Lock(url, "anna", "host", 12, "now")], "1")
    assert url in caught.value.why
    assert hint in caught.value.next[0]


def test_a_service_that_keeps_its_locks_out_of_sight_is_told():
    with pytest.raises(Busy, match="can't be found"):
        take_away((), "1")


@pytest.mark.slow
def test_a_lock_in_a_bucket_is_taken_away_alone(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-central-1")
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="state", CreateBucketConfiguration=where)
        for name in ("one", "two"):
            s3.put_object(Bucket="state", Key=f"team a/.pulumi/locks/{name}.json", Body=b"{}")
        lock = Lock("s3://state/team%20a/.pulumi/locks/one.json?region=eu-central-1", "anna", "host", 12, "now")
        take_away([lock], "one")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="state")["Contents"]]
    assert keys == ["team a/.pulumi/locks/two.json"]


class Engine:
    """An operation that finds the stack locked for as long as the lock's file is there."""

    def __init__(self, lock, pid=12):
        self.lock, self.pid, self.calls = lock, pid, 0

    def up(self, **_):
        self.calls += 1
        if self.lock.exists():
            raise create_command_error(CommandResult("", said(f"file://{self.lock}", self.pid), 255))


def stack(word=None, witness=None):
    return PulumiStack(Checkout(Path(), "prod"), "me", None, word, witness or (lambda: None))


def test_an_update_takes_the_named_lock_away_and_goes_on(lock):
    engine, watch, word = Engine(lock), Watch(), Word("aaaa", "up")
    stack(word)._call(engine.up, watch)
    assert engine.calls == 2
    (warned,) = watch.warnings
    assert "as asked" in warned
    assert word.asked == ""


def test_without_a_word_the_lock_stays(lock):
    with pytest.raises(Locked) as caught:
        stack(Word("", "retire"))._call(Engine(lock).up, Watch())
    assert "retire --break-lock aaaa" in caught.value.next
    assert lock.exists()


def test_a_word_for_a_lock_that_is_gone_is_told(lock):
    lock.unlink()
    watch = Watch()
    stack(Word("aaaa", "up"))._call(Engine(lock).up, watch)
    assert watch.warnings == ["the lock aaaa was not in the way: none was taken away"]


def test_a_witness_that_cannot_be_asked_proves_nothing(lock):
    def fails():
        raise Busy("AWS is away")

    with pytest.raises(Locked):
        stack(witness=fails)._call(Engine(lock).up, Watch())
    assert lock.exists()


def test_the_command_hands_the_word_to_the_stack(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    monkeypatch.setenv("BLUEGREEN_PROJECT", str(tmp_path))
    monkeypatch.setattr("driver.interrupts.INTERRUPTS.install", lambda: None)
    words = []

    def known(session):
        words.append(session.stack._made._word)
        raise Invalid("enough")

    monkeypatch.setattr("driver.session.Session.known_account", known)
    ended(cli, ["-s", "dev", "-y", "retire", "--break-lock", "aaaa.json"])
    ended(cli, ["-s", "dev", "-y", "retire"])
    assert words == [Word("aaaa", "retire"), Word("", "retire")]
