"""What goes wrong: what the API raises, what is saved, and how the next update goes on; the same on both engines."""

from __future__ import annotations

import json
import shutil
import threading
import time

import pulumi
import pulumi.automation as auto
import pytest

from sandbox.engine.protocol import Made
from tests.sandbox.engine import fuzz
from tests.sandbox.engine.programs import Described, Group, Thing

# Together they take some seconds; none alone does.
pytestmark = pytest.mark.slow


def resources(stack):
    return {one["urn"].rpartition("::")[2]: one for one in stack.export_stack().deployment.get("resources", ())}


def test_a_failure_in_the_middle_keeps_what_was_done(workspace):
    program = Described(a={"keep": 1}, b={"after": ["a"], "fail": "create"}, c={"after": ["b"]})
    stack = workspace.stack(program)
    with pytest.raises(auto.errors.CommandError, match="told to fail on create") as raised:
        stack.up()
    assert type(raised.value) is auto.errors.CommandError
    assert "error: update failed" in str(raised.value)
    assert "c" not in resources(stack)
    assert not stack.export_stack().deployment.get("pending_operations")
    program.things["b"] = {"after": ["a"]}
    assert stack.up().summary.resource_changes == {"create": 2, "same": 2}
    assert workspace.calls("create") == ["create a", "create b", "create c"]
    assert [summary.result for summary in stack.history()] == ["succeeded", "failed"]


def test_a_failed_update_keeps_the_old_state(workspace):
    program = Described(a={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"keep": 2, "fail": "update"}
    with pytest.raises(auto.errors.CommandError, match="told to fail on update"):
        stack.up()
    assert resources(stack)["a"]["inputs"] == {"keep": 1}
    program.things["a"] = {"keep": 2}
    assert stack.up().summary.resource_changes == {"update": 1, "same": 1}


def test_a_failed_delete_is_tried_again(workspace):
    program = Described(a={"fail": "delete"}, b={})
    stack = workspace.stack(program)
    stack.up()
    program.things = {}
    with pytest.raises(auto.errors.CommandError, match="told to fail on delete"):
        stack.up()
    assert "a" in resources(stack)
    for _ in range(2):
        with pytest.raises(auto.errors.CommandError, match="told to fail on delete"):
            stack.destroy()
    assert [name.partition("-")[0] for name in workspace.things()] == ["a"]


def test_what_was_made_but_is_not_ready_is_kept_and_updated(workspace):
    program = Described(a={"fail": "init"})
    stack = workspace.stack(program)
    with pytest.raises(auto.errors.CommandError, match="did not become ready"):
        stack.up()
    assert resources(stack)["a"]["initErrors"] == ["did not become ready"]
    assert len(workspace.things()) == 1
    assert stack.preview().change_summary == {"update": 1, "same": 1}
    stack.up()
    assert "initErrors" not in resources(stack)["a"]
    assert len(workspace.things()) == 1


def test_a_replacement_whose_old_one_stays_is_finished_later(workspace):
    program = Described(a={"fixed": 1, "fail": "delete"})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"fixed": 2}
    with pytest.raises(auto.errors.CommandError, match="told to fail on delete"):
        stack.up()
    entries = [one for one in stack.export_stack().deployment["resources"] if one["type"] == "fuzz:index:Thing"]
    assert [one.get("delete", False) for one in entries] == [False, True]
    with pytest.raises(auto.errors.CommandError, match="told to fail on delete"):
        stack.up()
    assert workspace.calls("create") == ["create a", "create a"]


def test_a_failed_creation_after_its_deletion_is_remembered(workspace):
    program = Described(a={"late": 1})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"late": 2, "fail": "create"}
    with pytest.raises(auto.errors.CommandError, match="told to fail on create"):
        stack.up()
    assert resources(stack)["a"]["pendingReplacement"]
    program.things["a"] = {"late": 2}
    assert stack.up().summary.resource_changes == {"replace": 1, "same": 1}
    assert workspace.calls("create", "delete") == ["create a", "delete a", "create a"]
    assert "pendingReplacement" not in resources(stack)["a"]


def test_a_refused_input_names_resource_and_property(workspace):
    stack = workspace.stack(Described(a={"fail": "check"}))
    for run in (stack.preview, stack.up):
        with pytest.raises(
            auto.errors.CommandError, match=r"property fail value .* has a problem: told to fail on check"
        ):
            run()
    assert workspace.things() == {}


def test_an_unknown_type_and_an_unknown_function(workspace):
    class Other(pulumi.CustomResource):
        pass

    with pytest.raises(auto.errors.CommandError, match="unknown resource type fuzz:index:Other"):
        workspace.stack(lambda: Other("fuzz:index:Other", "o", {})).up()
    with pytest.raises(auto.errors.CommandError, match="unknown function fuzz:index:no"):
        workspace.stack(lambda: pulumi.runtime.invoke("fuzz:index:no", {})).up()


def test_a_refused_configuration(workspace):
    stack = workspace.stack(Described(a={}))
    stack.set_config("fuzz:refuse", auto.ConfigValue("1"))
    with pytest.raises(auto.errors.CommandError, match="told to refuse"):
        stack.up()


def test_a_failed_component(workspace):
    stack = workspace.stack(lambda: Group("g", {"fail": True}))
    with pytest.raises(auto.errors.CommandError, match="told to fail on construct"):
        stack.up()


def test_a_program_that_raises(workspace):
    def program() -> None:
        Thing("a")
        raise ValueError("the program is broken")

    stack = workspace.stack(program)
    with pytest.raises(auto.errors.InlineSourceRuntimeError, match="the program is broken"):
        stack.preview()
    with pytest.raises(auto.errors.InlineSourceRuntimeError, match="the program is broken"):
        stack.up()


def test_a_program_that_refuses(workspace):
    stack = workspace.stack(Described(a={}))
    stack.up()

    def refuse() -> None:
        raise pulumi.RunError("not now")

    stack = workspace.stack(refuse)
    for run in (stack.preview, stack.up):
        with pytest.raises(auto.errors.RuntimeError, match="error: not now") as raised:
            run()
        assert "an unhandled error occurred: not now" in str(raised.value)
        assert "Traceback" not in str(raised.value)
    assert len(workspace.things()) == 1


def test_a_program_that_only_logs_an_error_deletes_everything(workspace):
    stack = workspace.stack(Described(a={}))
    stack.up()
    stack = workspace.stack(lambda: pulumi.log.error("I give up"))
    assert stack.up().summary.resource_changes == {"delete": 1, "same": 1}


def test_two_resources_of_one_name(workspace):
    def program() -> None:
        Thing("a")
        Thing("a")

    with pytest.raises(auto.errors.CommandError, match=r"Duplicate resource URN '.*::a'; try giving it a unique name"):
        workspace.stack(program).up()


def test_a_locked_stack(workspace):
    stack = workspace.stack(Described(a={"slow": 0.8}))
    first = threading.Thread(target=stack.up)
    first.start()
    locks = workspace.state / ".pulumi" / "locks" / "organization" / "fuzz" / "dev"
    while not list(locks.glob("*.json")):
        time.sleep(0.02)
    owner = json.loads(next(locks.glob("*.json")).read_text())
    assert set(owner) == {"pid", "username", "hostname", "timestamp"}
    second = workspace.stack(Described(a={}))
    with pytest.raises(auto.errors.ConcurrentUpdateError, match=r"locked by 1 lock\(s\).*pulumi cancel") as raised:
        second.up()
    assert f"(pid {owner['pid']}) at " in str(raised.value)
    assert "file://" in str(raised.value)
    assert second.preview().change_summary
    first.join()
    assert not list(locks.glob("*.json"))
    second.up()


def test_cancel_breaks_the_lock(workspace):
    stack = workspace.stack(Described(a={}))
    locks = workspace.state / ".pulumi" / "locks" / "organization" / "fuzz" / "dev"
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "u", "hostname": "h", "timestamp": "2026-11-20T17:27:37.562991445Z"}
    (locks / "11111111-1111-1111-1111-111111111111.json").write_text(json.dumps(lock))
    with pytest.raises(auto.errors.ConcurrentUpdateError, match=r"created by u@h \(pid 1\) at 2026-11-20T17:27:37Z"):
        stack.up()
    stack.cancel()
    stack.up()


def test_a_missing_stack_and_one_that_is_there(workspace):
    workspace.stack()
    options = auto.LocalWorkspaceOptions(
        work_dir=str(workspace.project), env_vars=workspace.env, pulumi_command=workspace.command()
    )
    with pytest.raises(auto.errors.StackNotFoundError, match="no stack named 'nope' found"):
        auto.select_stack("nope", project_name="fuzz", program=lambda: None, opts=options)
    with pytest.raises(auto.errors.StackAlreadyExistsError):
        auto.create_stack("dev", project_name="fuzz", program=lambda: None, opts=options)


def test_a_wrong_and_a_missing_passphrase(workspace):
    stack = workspace.stack(Described(a={"keep": 1}))
    stack.up()
    with pytest.raises(auto.errors.CommandError, match="incorrect passphrase"):
        workspace.stack(Described(), PULUMI_CONFIG_PASSPHRASE="y").up()
    missing = workspace.stack(Described())
    del missing.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"]
    with pytest.raises(auto.errors.CommandError, match="passphrase must be set with PULUMI_CONFIG_PASSPHRASE"):
        missing.up()
    assert len(workspace.things()) == 1
    assert stack.up().summary.resource_changes == {"same": 2}


@pytest.mark.parametrize("damage", ["", "{", '{"version": 3}', '{"version": 99, "checkpoint": {}}', "[]"])
def test_a_damaged_state_is_refused_and_left(workspace, damage):
    stack = workspace.stack(Described(a={}))
    stack.up()
    workspace.state_file().write_text(damage)
    for run in (stack.up, stack.preview, stack.destroy, stack.refresh):
        with pytest.raises(auto.errors.CommandError):
            run()
    assert workspace.state_file().read_text() == damage
    assert len(workspace.things()) == 1


def test_protected_things_stay(workspace):
    program = Described(a={"fixed": 1, "opts": {"protect": True}}, b={})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"fixed": 2, "opts": {"protect": True}}
    with pytest.raises(auto.errors.CommandError, match="it is currently marked for protection"):
        stack.up()
    program.things = {}
    with pytest.raises(auto.errors.CommandError, match=r"cannot be deleted\n *because it is protected"):
        stack.up()
    with pytest.raises(auto.errors.CommandError, match="because it is protected"):
        stack.destroy()
    assert "a" in [name.partition("-")[0] for name in workspace.things()]
    program.things = {"a": {"fixed": 1}}
    stack.up()
    stack.destroy()
    assert workspace.things() == {}


def test_going_on_after_an_error(workspace):
    program = Described(a={"fail": "create"}, b={}, c={"after": ["a"]}, d={"after": ["b"]})
    stack = workspace.stack(program)
    with pytest.raises(auto.errors.CommandError, match="told to fail on create"):
        stack.up(continue_on_error=True)
    assert sorted(workspace.calls("create")) == ["create b", "create d"]


def test_no_changes_were_expected(workspace):
    program = Described(a={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    stack.up(expect_no_changes=True)
    program.things["a"] = {"keep": 2}
    with pytest.raises(
        auto.errors.CommandError, match="no changes were expected for preview but changes were proposed"
    ):
        stack.preview(expect_no_changes=True)


def test_destroying_all_but_what_is_protected(workspace):
    program = Described(a={}, b={"after": ["a"], "opts": {"protect": True}}, c={"after": ["b"]}, d={})
    stack = workspace.stack(program)
    stack.up()
    assert "still 4 protected resources" in stack.destroy(exclude_protected=True).stdout
    assert [name.partition("-")[0] for name in workspace.things()] == ["a", "b"]


def test_a_provider_that_answers_nonsense(embedded, monkeypatch):
    class Strange:
        pass

    answers = {
        "create": Made("id", {"x": Strange()}),
        "nothing": None,
        "number": Made("id", 5),
        "an id that is no text": Made(5, {}),
        "no number": Made("id", {"x": [float("nan")]}),
        "no text": Made("id", {"x": "\ud800"}),
        "no key": Made("id", {"x": {"\ud800": 1}}),
    }
    for answer in answers.values():
        monkeypatch.setattr(fuzz.FuzzProvider, "create", lambda *_, answer=answer, **__: answer)
        stack = embedded.stack(Described(a={}))
        with pytest.raises(auto.errors.CommandError) as raised:
            stack.up()
        assert type(raised.value) is auto.errors.CommandError
        assert "fuzz:index:Thing (a)" in str(raised.value)
        stack.refresh()
    monkeypatch.undo()
    stack.up()
    assert set(stack.preview().change_summary) == {"same"}


@pytest.mark.parametrize("call", ["check", "diff", "create", "read", "delete", "configure", "invoke"])
def test_a_provider_with_a_bug(embedded, monkeypatch, call):
    def program() -> None:
        pulumi.runtime.invoke("fuzz:index:echo", {"x": 1})
        Thing("a", {"keep": version[0]})

    version = [1]
    stack = embedded.stack(program)
    if call not in ("create", "configure", "invoke", "check"):
        stack.up()
        version[0] = 2

    def fail(*_, **__):
        raise Bug("not foreseen")

    monkeypatch.setattr(fuzz.FuzzProvider, call, fail)
    with pytest.raises(auto.errors.CommandError, match="Bug: not foreseen"):
        (stack.destroy if call == "delete" else stack.refresh if call == "read" else stack.up)()
    monkeypatch.undo()
    stack.up()
    assert set(stack.preview().change_summary) == {"same"}
    assert not stack.export_stack().deployment.get("pending_operations")


class Bug(Exception):
    pass


@pytest.mark.parametrize("option", [{"plan": "p.json"}, {"policy_packs": ["x"]}])
def test_what_is_not_supported_is_refused(embedded, option):
    stack = embedded.stack(Described(a={}))
    with pytest.raises(auto.errors.CommandError, match="is not supported by the embedded engine"):
        stack.up(**option)
    assert embedded.things() == {}


def test_a_refresh_reads_on_after_a_failure(workspace):
    program = Described(a={"fail": "read"}, b={"keep": 1}, c={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    for file in workspace.world.glob("[bc]-*.json"):
        file.unlink()
    with pytest.raises(auto.errors.CommandError, match="told to fail on read"):
        stack.refresh(parallel=1)
    assert set(resources(stack)) & {"a", "b", "c"} == {"a"}
    with pytest.raises(auto.errors.CommandError, match="told to fail on read"):
        stack.up(refresh=True)
    assert len(workspace.calls("create")) == 3


def test_a_state_that_cannot_be_written(embedded):
    stack = embedded.stack(Described(a={}))
    stack.up()
    folder = embedded.state / ".pulumi" / "locks"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.raises(auto.errors.CommandError, match="error: "):
        stack.up()
