"""The doctor: each check by itself, what it says, how it is mended, and the exit code."""

import json
import os
from dataclasses import dataclass, fields, replace

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from driver.errors import Invalid, Unforeseen
from driver.findings import Check, State, missing, ok, run, warning
from driver.invocation import Invocation
from driver.stack import lease
from driver.verbs.doctor import Patient, result
from infra.record import Intent, intent_text, stamp
from tests.driver.fakes import ACCOUNT, START, FakeCloud, serving, world


class Engine:
    """Answers as a CLI would; `failing`: what it says for a command that fails."""

    def __init__(self):
        self.version = VersionInfo.parse("3.272.0")
        self.stacks = [{"name": "dev"}]
        self.plugins: list[dict] = []
        self.failing: dict[str, str] = {}

    def run(self, args, cwd, additional_env, on_output=None, on_error=None):
        words = " ".join([arg for arg in args if not arg.startswith("-")][:2])
        if words in self.failing:
            raise create_command_error(CommandResult("", self.failing[words], 255))
        answers = {"stack ls": self.stacks, "plugin ls": self.plugins, "config set": {}}
        return CommandResult(json.dumps(answers[words]), "", 0)


@dataclass
class Cloud(FakeCloud):
    refusing: tuple[str, ...] = ()
    endpoint: str = ""

    def denied(self, service, operation, **asked):
        return "explicit deny" if operation in self.refusing else ""


class Ward:
    """A sound environment, to be made ill."""

    def __init__(self, tmp_path):
        made = world(serving())
        self.cloud = Cloud(**{one.name: getattr(made.cloud, one.name) for one in fields(made.cloud)})
        self.engine = Engine()
        self.project = tmp_path / "project"
        self.project.mkdir()
        self.backend = tmp_path / "state"
        self.backend.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        self.write("  aws:region: eu-central-1\n  bluegreen:image: shop:1\n")
        self.environ = {
            "PATH": "",
            "BLUEGREEN_ENGINE": "embedded",
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
        }
        self.called = Invocation(stack="dev", project=str(self.project), verb="doctor")

    def write(self, config):
        (self.project / "Pulumi.dev.yaml").write_text(f"config:\n{config}encryptionsalt: v1:abc\n")

    def seen(self):
        patient = Patient(self.called, self.environ, engine=lambda: self.engine, cloud=lambda: self.cloud)
        checked = run(patient.checks())
        self.result = result(checked, "dev")
        return {one.name: one.finding for one in checked}

    def only(self, name, state):
        """The finding of the one check that is not in order."""
        seen = self.seen()
        assert {other for other, finding in seen.items() if finding.state is not State.OK} == {name}
        assert seen[name].state is state
        assert self.result.exit_code == (2 if state is State.MISSING else 0)
        return seen[name]


@pytest.fixture
def ward(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return Ward(tmp_path)


def test_all_is_well(ward):
    assert {finding.state for finding in ward.seen().values()} == {State.OK}
    assert (ward.result.outcome, ward.result.exit_code) == ("healthy", 0)
    assert len(ward.result.facts["checks"]) == 17


def test_a_wrong_passphrase(ward):
    ward.engine.failing["config set"] = "error: incorrect passphrase"
    found = ward.only("passphrase", State.MISSING)
    assert "passphrase" in found.what
    assert found.mend == ("$ export PULUMI_CONFIG_PASSPHRASE=…",)


def test_a_passphrase_is_not_tried_on_a_stack_that_is_not_made_yet(ward):
    ward.engine.failing["config set"] = "error: no stack named 'dev' found"
    assert ward.seen()["passphrase"].what == "not tried: the stack has not been made yet"


def test_trying_the_passphrase_leaves_no_mark(ward):
    before = (ward.project / "Pulumi.dev.yaml").read_text()
    ward.seen()
    assert (ward.project / "Pulumi.dev.yaml").read_text() == before


def test_a_backend_that_is_not_there_spares_the_passphrase(ward):
    ward.engine.failing["stack ls"] = "error: unable to open bucket file:///gone: no such file or directory"
    seen = ward.seen()
    assert seen["backend"].state is State.MISSING
    assert "gone" in seen["backend"].what
    assert seen["passphrase"].what == "not looked at: it needs the backend"
    assert seen["rule"].state is State.OK
    assert ward.result.exit_code == 2


def test_no_engine_and_everything_else_is_still_looked_at(ward):
    def none():
        raise Invalid("the Pulumi CLI is missing", "no `pulumi` is on PATH", ("$ open https://pulumi.com", "doctor"))

    checked = run(Patient(ward.called, ward.environ, engine=none, cloud=lambda: ward.cloud).checks())
    seen = {one.name: one.finding for one in checked}
    assert seen["engine"].state is State.MISSING
    assert seen["engine"].mend == ("$ open https://pulumi.com",)
    assert {name for name, one in seen.items() if "not looked at" in one.what} == {"plugins", "backend", "passphrase"}


def test_a_stack_that_its_backend_does_not_know_yet(ward):
    ward.engine.stacks = [{"name": "organization/shop/prod"}]
    assert ward.only("backend", State.WARNING).mend == ("up",)


@pytest.mark.parametrize(("alone", "state"), [("true", State.MISSING), ("", State.WARNING)])
def test_plugins_that_a_real_cli_lacks(ward, alone, state, tmp_path):
    fake = tmp_path / "bin/pulumi"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    ward.environ |= {
        "BLUEGREEN_ENGINE": "cli",
        "PATH": str(fake.parent),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": alone,
    }
    ward.engine.plugins = [{"name": "aws", "kind": "resource", "version": "6.0.0"}]
    found = ward.only("plugins", state)
    assert [hint.split()[:5] for hint in found.mend] == [
        ["$", "pulumi", "plugin", "install", "resource"],
        ["$", "pulumi", "plugin", "install", "resource"],
    ]
    assert str(fake) in ward.seen()["engine"].what


def test_invalid_settings_are_all_named(ward):
    ward.write("  aws:region: eu-central-1\n  bluegreen:image: shop:1\n  bluegreen:drain: never\n  bluegreen:hodl: 1\n")
    found = ward.only("settings", State.MISSING)
    assert "bluegreen:drain" in found.what
    assert "bluegreen:hodl" in found.what


def test_an_unknown_stack(ward):
    ward.called.stack = "nowhere"
    seen = ward.seen()
    assert seen["stack"].state is State.MISSING
    assert "dev" in seen["stack"].what
    assert seen["engine"].state is State.OK


def test_nothing_answers_at_the_endpoint(ward):
    ward.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    seen = ward.seen()
    assert seen["endpoint"].state is State.MISSING
    assert "sandbox start" in seen["endpoint"].mend
    assert "not looked at" in seen["record"].what


def test_no_credentials(ward):
    def none():
        raise Invalid("there are no AWS credentials", "unable to locate any")

    ward.cloud.account = none
    seen = ward.seen()
    assert seen["credentials"].what == "there are no AWS credentials: unable to locate any"
    assert seen["record"].what == "not looked at: it needs the credentials"


def test_denied_calls_are_named_as_policies_name_them(ward):
    ward.cloud.refusing = ("describe_images", "get_parameter_history")
    found = ward.only("permissions", State.MISSING)
    assert "ecr:DescribeImages (explicit deny)" in found.what
    assert "ssm:GetParameterHistory" in found.what
    assert "sts:" not in found.what


def test_another_account(ward):
    ward.cloud.account = lambda: "999999999999"
    seen = ward.seen()
    assert seen["account"].state is State.MISSING
    assert ACCOUNT in seen["account"].what
    assert seen["rule"].what == "not looked at: it needs the account"


def test_another_region(ward):
    ward.cloud.region = "us-east-1"
    assert ward.seen()["account"].mend == ("$ pulumi config set aws:region eu-central-1",)
    assert ward.result.exit_code == 2


def test_nothing_is_deployed_yet(ward):
    ward.cloud.deployed = None
    assert ward.only("record", State.WARNING).mend == ("up",)


def test_a_record_that_cannot_be_read(ward):
    ward.cloud.failing["stored"] = Invalid("the deployed record can't be read", "schema: 9", ("sync --from-live",))
    seen = ward.seen()
    assert seen["record"].mend == ("sync --from-live",)
    assert ward.result.exit_code == 2


def test_drift_is_a_warning_and_never_exit_7(ward):
    ward.cloud.move(50)
    found = ward.only("rule", State.WARNING)
    assert "live weights are blue 50, green 50" in found.what
    assert ward.result.exit_code == 0


def test_an_intent_is_pending(ward):
    ward.cloud.intent = intent_text(Intent(5, replace(serving(), standby="rejected"), "me", stamp(START)))
    assert ward.only("progress", State.WARNING).mend[0] == "resume"


def test_an_intent_that_is_spent_is_no_matter(ward):
    ward.cloud.intent = intent_text(Intent(4, serving(), "me", stamp(START)))
    assert ward.seen()["progress"].what == "nothing is in progress, an old intent is spent"


def test_a_freeze(ward):
    ward.cloud.freeze = "holidays"
    assert "holidays" in ward.only("freeze", State.WARNING).what


def lock(ward, pid, host):
    folder = ward.backend / ".pulumi/locks/organization/shop/dev"
    folder.mkdir(parents=True)
    owner = {"pid": pid, "username": "ann", "hostname": host, "timestamp": "2026-03-01T12:00:00.123456789Z"}
    (folder / "a.json").write_text(json.dumps(owner))
    (folder / "a.json.attrs").write_text("{}")


def test_a_lock_that_someone_holds(ward):
    lock(ward, 4711, "elsewhere")
    found = ward.only("lock", State.WARNING)
    assert "ann@elsewhere (pid 4711) since 2026-03-01T12:00:00" in found.what
    assert found.mend[0] == "wait"


def test_a_lock_of_a_driver_that_is_proven_dead(ward, monkeypatch):
    lock(ward, 4711, "here")
    monkeypatch.setattr(lease, "proven_dead", lambda pid, host, when: (pid, host) == (4711, "here"))
    found = ward.only("lock", State.WARNING)
    assert "died" in found.what
    assert found.mend == ("up",)


def test_a_lease_says_that_an_update_runs(ward):
    with lease.leased(os.getpid()):
        assert f"pid {os.getpid()}" in ward.seen()["lease"].what
    assert "no update" in ward.seen()["lease"].what


def test_a_check_that_fails_in_any_way_stops_no_other():
    def raises(error):
        def look():
            raise error

        return look

    checks = [
        Check("one", raises(ZeroDivisionError("oops"))),
        Check("two", raises(Unforeseen("AWS refused", "a\nb", ("status", "doctor")))),
        Check("three", lambda: ok("fine"), ("one",)),
        Check("four", lambda: ok("fine"), ("two",)),
    ]
    found = {one.name: one.finding for one in run(checks)}
    assert found["one"] == warning("could not be looked at: ZeroDivisionError: oops")
    assert found["two"] == missing("AWS refused: a b", "status")
    assert found["three"] == ok("fine")
    assert found["four"] == warning("not looked at: it needs the two")
