"""The checkout: finding it, reading it, and writing the record back without spoiling it."""

from __future__ import annotations

import hashlib
import json

import pytest
from ruamel.yaml import YAML

from driver.checkout import Checkout, find, selected
from driver.errors import Invalid
from infra.record import Deployed, basis, from_data
from tests.driver.fakes import serving

FILE = """\
encryptionsalt: v1:abc=
config:
  aws:region: eu-central-1   # where it runs
  # people read this
  bluegreen:image: "shop:1.0.0"
  bluegreen:compose: {min: 2, max: 6}
  bluegreen:balancer:
    testCidrs:
      - 10.0.0.0/8   # the office
  bluegreen:tags:
    team: shop
"""


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig:\n  aws:profile: {value: work}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(FILE)
    return Checkout(tmp_path, "dev")


def test_a_record_is_written_back_and_all_else_stays(checkout):
    assert checkout.adopt(Deployed(serving(held="2026-03-01T13:00:00Z"), 7))
    text = checkout.file.read_text()
    assert text.startswith(FILE)
    config = YAML(typ="safe").load(text)["config"]
    assert config["bluegreen:basedOn"] == basis(7, serving(held="2026-03-01T13:00:00Z"))
    assert config["bluegreen:heldUntil"] == "2026-03-01T13:00:00Z"
    read = {key.removeprefix("bluegreen:"): value for key, value in config.items()}
    assert from_data(read) == serving(held="2026-03-01T13:00:00Z")
    assert not checkout.adopt(Deployed(serving(held="2026-03-01T13:00:00Z"), 7))


def test_keys_that_the_record_no_longer_has_go_and_forgetting_leaves_the_settings(checkout):
    checkout.adopt(Deployed(serving(held="2026-03-01T13:00:00Z"), 7))
    checkout.adopt(Deployed(serving(), 8))
    assert "heldUntil" not in checkout.file.read_text()
    assert checkout.forget()
    assert checkout.file.read_text() == FILE
    assert not checkout.forget()


def test_lists_keep_their_indentation_either_way(checkout):
    flat = FILE.replace("      - 10", "    - 10")
    checkout.file.write_text(flat)
    checkout.adopt(Deployed(serving(), 7))
    assert checkout.file.read_text().startswith(flat)


def test_no_half_written_file_is_left_when_writing_fails(checkout, monkeypatch):
    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        checkout.adopt(Deployed(serving(), 7))
    assert checkout.file.read_text() == FILE
    assert sorted(path.name for path in checkout.root.iterdir()) == ["Pulumi.dev.yaml", "Pulumi.yaml"]


def test_the_private_file_has_the_settings_and_another_record(checkout):
    checkout.adopt(Deployed(serving("candidate"), 7))
    with checkout.private(serving("previous"), "g8-aaaaaa") as file:
        data = json.loads(file.read_text())
    assert data["encryptionsalt"] == "v1:abc="
    assert data["config"]["bluegreen:standby"] == "previous"
    assert data["config"]["bluegreen:basedOn"] == "g8-aaaaaa"
    assert data["config"]["bluegreen:compose"] == {"min": 2, "max": 6}
    assert not file.exists()
    assert "candidate" in checkout.file.read_text()


def test_config_is_the_projects_then_the_stacks_as_text(checkout):
    texts = checkout.texts()
    assert texts["aws:profile"] == "work"
    assert texts["aws:region"] == "eu-central-1"
    assert json.loads(texts["bluegreen:compose"]) == {"min": 2, "max": 6}


def test_what_is_not_there_or_no_yaml_is_told(checkout, tmp_path):
    with pytest.raises(Invalid, match="unknown stack 'prod'") as caught:
        Checkout(tmp_path, "prod").config()
    assert "dev" in caught.value.why
    checkout.file.write_text("config: [")
    with pytest.raises(Invalid, match="can't be read"):
        checkout.config()
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match=r"no Pulumi\.yaml"):
        find(str(tmp_path / "empty"))


def test_the_nearest_directory_above_is_found(checkout, tmp_path, monkeypatch):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.delenv("BLUEGREEN_PROJECT", raising=False)
    monkeypatch.chdir(inner)
    assert find(None) == tmp_path
    monkeypatch.setenv("BLUEGREEN_PROJECT", str(tmp_path))
    monkeypatch.chdir("/")
    assert find(None) == tmp_path


def test_the_selected_stack_is_read_where_the_cli_keeps_it(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    assert selected(tmp_path) is None
    key = hashlib.sha1(str(tmp_path / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    file = tmp_path / "home" / "workspaces" / f"shop-{key}-workspace.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"stack": "dev"}')
    assert selected(tmp_path) == "dev"
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    file.write_text('{"stacks": {"file:///a": "organization/shop/prod"}}')
    assert selected(tmp_path) == "prod"
    file.write_text('{"stacks": {"file:///a": "organization/shop/prod", "file:///b": "organization/shop/test"}}')
    assert selected(tmp_path) is None
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///b")
    assert selected(tmp_path) == "test"
