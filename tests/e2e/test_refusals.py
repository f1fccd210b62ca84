"""Bad input through the command line: a clear error, the right exit code, and nothing changed."""

import json
import shutil

import pytest

from sandbox.project import set_config
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def play():
    with played() as play:
        yield play


@pytest.fixture(autouse=True)
def nothing_changes(play):
    before = play.stage.state()["listeners"], play.record()
    files = {file.name: file.read_text() for file in play.stage.project.glob("Pulumi*.yaml")}
    yield
    assert (play.stage.state()["listeners"], play.record()) == before
    assert {file.name: file.read_text() for file in play.stage.project.glob("Pulumi*.yaml")} == files


def says(ran, code, *words):
    """Every refusal says what, why and what to do next, in the document and to a person."""
    document = ran.document
    assert document["exit_code"] == ran.code == code
    text = json.dumps(document).lower()
    for word in words:
        assert word.lower() in text, document
    assert document["reason"], document
    assert document["next"], document


def test_an_unknown_stack(play):
    ran = play.bare("-s", "nowhere", "-y", "--output", "json", "promote", expect=2)
    says(ran, 2, "nowhere")


def test_no_project(play, tmp_path):
    ran = play.bare("-s", "dev", "-y", "--output", "json", "status", expect=2, BLUEGREEN_PROJECT=str(tmp_path))
    says(ran, 2, "Pulumi.yaml")


def test_no_stack_off_a_terminal(play):
    assert play.bare("-y", "promote", expect=2).err


def test_no_yes_off_a_terminal(play):
    assert "--yes" in play.bare("-s", "dev", "promote", expect=2).err


@pytest.mark.parametrize("image", ["shop:", "SHOP:1", "shop:1@sha256:12", "shop 1", ":1", "http://shop:1"])
def test_a_malformed_image(play, image):
    says(play.run("deploy", image, expect=2), 2, "image")


def test_an_image_that_is_not_there(play):
    says(play.run("deploy", "shop:9.9.9", expect=3), 3, "9.9.9")


def test_promote_with_an_empty_standby(play):
    says(play.run("promote", expect=3), 3, "empty")


def test_rollback_with_nothing_to_go_back_to(play):
    says(play.run("rollback", expect=3), 3)


def test_retire_of_nothing(play):
    assert play.run("retire", expect=None).code in (0, 3)


def test_the_active_color_is_not_retired(play):
    active = play.record()["activeColor"]
    assert play.weights()[active] == 100


def test_no_credentials(play):
    environ = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": "none"}
    says(play.run("promote", expect=2, **environ), 2, "credentials")


def test_an_endpoint_that_is_not_there(play):
    says(play.run("status", expect=2, AWS_ENDPOINT_URL="http://127.0.0.1:9"), 2, "127.0.0.1:9")


def test_a_wrong_passphrase(play):
    says(play.run("up", expect=2, PULUMI_CONFIG_PASSPHRASE="wrong"), 2, "passphrase")


def test_a_missing_passphrase(play):
    says(play.run("up", expect=2, PULUMI_CONFIG_PASSPHRASE=""), 2, "passphrase")


def test_many_invalid_settings_at_once(play, tmp_path):
    shutil.copytree(play.stage.project, tmp_path / "p")
    for key, value in {"port": 99999, "hold": "soon", "imgae": "x"}.items():
        set_config(tmp_path / "p", "dev", f"bluegreen:{key}", value)
    ran = play.run("preview", expect=2, BLUEGREEN_PROJECT=str(tmp_path / "p"))
    says(ran, 2, "bluegreen:port", "bluegreen:hold", "bluegreen:imgae")


def test_a_corrupt_state(play):
    file = next((play.stage.home / "state/.pulumi/stacks").rglob("dev.json"))
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    try:
        says(play.run("up", expect=2), 2)
        assert file.read_text() == whole[: len(whole) // 2]
    finally:
        file.write_text(whole)
