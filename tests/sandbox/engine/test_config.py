"""`pulumi config` and stacks: what is written, what is read back; the same on both engines."""

from __future__ import annotations

import json

import pulumi
import pulumi.automation as auto
import pytest
from ruamel.yaml import YAML

from tests.sandbox.engine.programs import Described, Thing

# Together they take some seconds; none alone does.
pytestmark = pytest.mark.slow

STACK_FILE = """\
# who changes this asks the shop team
config:
  # ours
  fuzz:plain: v # end of line
  fuzz:flow: {a: 1, b: [x, y]}
  fuzz:zeros: "007"
  fuzz:big: 12345678901234567890
  fuzz:yes: yes
  fuzz:flag: true
  fuzz:rate: 7.345670
"""


def stack_file(workspace, name="dev"):
    return workspace.project / f"Pulumi.{name}.yaml"


def config_of(workspace, name="dev"):
    return YAML(typ="safe").load(stack_file(workspace, name).read_text())["config"]


def test_values_come_back_as_they_were_set(workspace):
    stack = workspace.stack()
    values = {
        "a": auto.ConfigValue("1"),
        "b": auto.ConfigValue("two words: #no"),
        "c": auto.ConfigValue("hush", secret=True),
        "d": auto.ConfigValue(""),
        "e": auto.ConfigValue("true"),
        "f": auto.ConfigValue("line\nline"),
        "other:g": auto.ConfigValue("null"),
        "h": auto.ConfigValue("-1e3"),
        "i": auto.ConfigValue("2026-11-20"),
    }
    for key, value in values.items():
        stack.set_config(key, value)
    found = stack.get_all_config()
    for key, value in values.items():
        full = key if ":" in key else f"fuzz:{key}"
        assert (found[full].value, bool(found[full].secret)) == (value.value, bool(value.secret))
        assert stack.get_config(key).value == value.value
    assert "hush" not in stack_file(workspace).read_text()
    stack.remove_config("a")
    stack.remove_all_config(["b", "c", "never"])
    assert sorted(stack.get_all_config()) == ["fuzz:d", "fuzz:e", "fuzz:f", "fuzz:h", "fuzz:i", "other:g"]
    with pytest.raises(auto.errors.CommandError, match="configuration key 'a' not found for stack 'dev'"):
        stack.get_config("a")


def test_a_program_sees_what_is_configured(workspace):
    stack_file(workspace).write_text(STACK_FILE)
    seen = {}

    def program() -> None:
        config = pulumi.Config()
        seen.update({key: config.get(key) for key in ("plain", "zeros", "big", "yes", "flag", "rate")})
        seen["flow"] = config.require_object("flow")
        seen["secret"] = config.get_secret("hidden") is not None

    stack = workspace.stack(program)
    stack.set_config("hidden", auto.ConfigValue("x", secret=True))
    stack.preview()
    assert seen == {
        "plain": "v",
        "zeros": "007",
        "big": "12345678901234567890",
        "yes": "yes",
        "flag": "true",
        "rate": "7.34567",
        "flow": {"a": 1, "b": ["x", "y"]},
        "secret": True,
    }


def test_comments_and_order_survive(workspace):
    stack_file(workspace).write_text(STACK_FILE)
    stack = workspace.stack()
    stack.set_all_config({"fuzz:flow.c.d": auto.ConfigValue("3")}, path=True)
    stack.set_config("fuzz:added", auto.ConfigValue("x"))
    text = stack_file(workspace).read_text()
    assert "# who changes this asks the shop team" in text
    assert "  # ours\n" in text
    assert "# end of line" in text
    assert "fuzz:flow: {a: 1, b: [x, y], c: {d: 3}}" in text
    names = [line.strip().partition(": ")[0] for line in text.splitlines() if line.startswith("  fuzz:")]
    assert names[:2] == ["fuzz:plain", "fuzz:flow"]
    assert names[-1] == "fuzz:added"
    assert text.rstrip().splitlines()[-1].startswith("encryptionsalt: v1:")


def test_paths_reach_into_objects(workspace):
    stack = workspace.stack()
    for path, text in (
        ("o.a", "1"),
        ("o.b", "007"),
        ("o.c", "1.5"),
        ("o.d[0].e", "true"),
        ("o.d[1]", "x"),
        ('o["f.g"]', "null"),
        ("plain", "5"),
    ):
        stack.set_config(path, auto.ConfigValue(text), path=True)
    assert config_of(workspace) == {
        "fuzz:o": {"a": 1, "b": "007", "c": "1.5", "d": [{"e": True}, "x"], "f.g": "null"},
        "fuzz:plain": "5",
    }
    assert stack.get_config("o.d[0].e", path=True).value == "true"
    stack.remove_config("o.d[0]", path=True)
    assert config_of(workspace)["fuzz:o"]["d"] == ["x"]
    stack.set_config("o.secret", auto.ConfigValue("hush", secret=True), path=True)
    assert json.loads(stack.get_all_config()["fuzz:o"].value)["secret"] == "hush"
    assert stack.get_all_config()["fuzz:o"].secret
    for path in ("o.d[7]", "o.a.b"):
        with pytest.raises(auto.errors.CommandError, match="could not set config"):
            stack.set_config(path, auto.ConfigValue("x"), path=True)


def test_whole_objects_are_set_as_json(workspace):
    stack = workspace.stack()
    colors = {"blue": {"image": "a@sha256:1", "fill": 9}, "green": {}}
    stack.set_all_config_json(
        json.dumps(
            {
                "fuzz:colors": {"value": json.dumps(colors), "objectValue": colors, "secret": False},
                "fuzz:word": {"value": "007", "secret": False},
                "fuzz:hidden": {"value": "hush", "secret": True},
            }
        )
    )
    written = config_of(workspace)
    assert written["fuzz:colors"] == colors
    assert written["fuzz:word"] == "007"
    assert set(written["fuzz:hidden"]) == {"secure"}
    assert stack.get_config("hidden").value == "hush"


def test_an_update_from_a_private_file_leaves_the_checkout_alone(workspace, tmp_path):
    seen = []
    stack = workspace.stack(lambda: seen.append(pulumi.Config().get("who")))
    stack.set_config("who", auto.ConfigValue("checkout"))
    before = stack_file(workspace).read_text()
    private = tmp_path / "private.yaml"
    private.write_text(before.replace("checkout", "private"))
    stack.up(config_file=str(private))
    assert seen == ["private"]
    assert stack_file(workspace).read_text() == before
    assert stack.history()[0].config["fuzz:who"].value == "private"
    stack.refresh_config()
    assert config_of(workspace) == {"fuzz:who": "private"}


def test_refreshing_without_an_update_is_refused(workspace):
    with pytest.raises(auto.errors.CommandError, match="no previous deployment"):
        workspace.stack().refresh_config()


def test_history_keeps_secrets(workspace):
    stack = workspace.stack(Described(a={}))
    stack.set_config("hidden", auto.ConfigValue("hush", secret=True))
    stack.up(message="because")
    (entry,) = stack.history()
    assert (entry.kind, entry.result, entry.message) == ("update", "succeeded", "because")
    assert entry.config["fuzz:hidden"].value == "hush"
    assert stack.history(show_secrets=False)[0].config["fuzz:hidden"].value == "[secret]"
    assert "hush" not in "".join(file.read_text() for file in (workspace.state / ".pulumi" / "history").rglob("*.json"))
    stack.refresh()
    stack.destroy()
    assert [one.kind for one in stack.history()] == ["destroy", "refresh", "update"]
    assert [one.kind for one in stack.history(page_size=1, page=2)] == ["refresh"]


def test_stacks_are_listed_selected_and_removed(workspace):
    one, two = workspace.stack(name="one"), workspace.stack(Described(a={}), name="two")
    two.up()
    listed = {summary.name: summary for summary in two.workspace.list_stacks()}
    assert sorted(listed) == ["one", "two"]
    assert listed["two"].current
    assert listed["two"].resource_count == 3
    one.workspace.select_stack("one")
    assert one.workspace.stack().name == "one"
    one.workspace.remove_stack("one")
    assert not stack_file(workspace, "one").exists()
    with pytest.raises(auto.errors.CommandError, match="still has resources; removal rejected"):
        two.workspace.remove_stack("two")
    two.destroy()
    two.workspace.remove_stack("two", preserve_config=True)
    assert stack_file(workspace, "two").exists()
    assert two.workspace.list_stacks() == []


def test_export_and_import(workspace):
    stack = workspace.stack(_with_a_secret)
    stack.up()
    exported = stack.export_stack()
    stack.destroy()
    stack.import_stack(exported)
    assert stack.export_stack().deployment["resources"] == exported.deployment["resources"]
    assert "hush" not in workspace.state_file().read_text()
    exported.deployment["resources"][1]["urn"] = "urn:pulumi:other::fuzz::fuzz:index:Thing::x"
    with pytest.raises(auto.errors.CommandError):
        stack.import_stack(exported)


def test_no_project_and_no_backend(workspace, tmp_path):
    options = auto.LocalWorkspaceOptions(
        work_dir=str(tmp_path), env_vars=workspace.env, pulumi_command=workspace.command()
    )
    with pytest.raises(auto.errors.CommandError, match=r"no Pulumi\.yaml project file found"):
        auto.LocalWorkspace(**vars(options)).list_stacks()
    with pytest.raises(auto.errors.CommandError):
        workspace.stack(PULUMI_BACKEND_URL=f"file://{tmp_path}/nowhere")


@pytest.mark.parametrize("text", ["config: [a]\n", "config: {\n", "- a\n"])
def test_a_broken_stack_file_is_named(workspace, text):
    stack = workspace.stack()
    stack_file(workspace).write_text(text)
    with pytest.raises(auto.errors.CommandError) as raised:
        stack.preview()
    assert "getting stack configuration" in str(raised.value)
    assert stack_file(workspace).read_text() == text


def test_a_bad_name_for_a_stack(workspace):
    with pytest.raises(auto.errors.CommandError, match="a stack name may only contain alphanumeric"):
        workspace.stack(name="a b")


def _with_a_secret() -> None:
    Thing("a", {"keep": pulumi.Output.secret("hush")})
