"""Secrets on an instance: all of them or none, in memory, and never in what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.compose_release import Secret
from tests.infra.templates import tools
from tests.infra.templates.machine import Ended, Machine
from tests.infra.templates.releases import FULL, PLACE

pytestmark = [tools.needs_linux, pytest.mark.slow]


def fetched(root: Path, secrets: tuple[Secret, ...], stored: dict[str, object]) -> tuple[Machine, Ended]:
    machine = Machine(root, replace(FULL, secrets=secrets), PLACE)
    machine.unpack()
    for name, answer in stored.items():
        (root / "secrets" / name.replace("/", "_")).write_text(json.dumps(answer))
    return machine, again(machine)


def again(machine: Machine) -> Ended:
    return machine.run("python3", "-I", str(machine.path("/opt/bluegreen/release/fetch_secrets.py")), PLACE.region)


def text(value: object) -> dict[str, object]:
    return {"Name": "x", "SecretString": value if isinstance(value, str) else json.dumps(value)}


def test_a_secret_whole_or_by_key_is_asked_for_once(tmp_path):
    wanted = (Secret("USER", "db", "user"), Secret("PASSWORD", "db", "password"), Secret("ALL", "db"))
    machine, ended = fetched(tmp_path, wanted, {"db": text({"user": "shop", "password": "p", "port": 5432})})
    assert ended.status == 0, ended.said
    assert machine.read("/run/bluegreen/secrets/secrets.env") == (
        'USER="shop"\nPASSWORD="p"\nALL="{\\"user\\": \\"shop\\", \\"password\\": \\"p\\", \\"port\\": 5432}"\n'
    )
    assert len([call for call in ended.calls if call[0] == "aws"]) == 1


def test_a_key_that_holds_no_text_is_given_as_json(tmp_path):
    wanted = (Secret("PORT_", "db", "port"), Secret("ON", "db", "on"))
    machine, _ = fetched(tmp_path, wanted, {"db": text({"port": 5432, "on": True})})
    assert machine.read("/run/bluegreen/secrets/secrets.env") == 'PORT_="5432"\nON="true"\n'


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (text("hunter2"), "secret db is no JSON object, so it has no key password"),
        (text(["hunter2"]), "secret db is no JSON object"),
        (text({"other": "hunter2"}), "secret db has no key password; it has other"),
        ({"SecretBinary": "aHVudGVyMg=="}, "secret db is binary"),
        (text({"password": "hunter2\0"}), "DATABASE_PASSWORD has a zero byte"),
        (text({"password": "hunter2" * 20_000}), "DATABASE_PASSWORD has a zero byte or is too long"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_without_its_value(tmp_path, stored, says):
    machine, ended = fetched(tmp_path, (Secret("DATABASE_PASSWORD", "db", "password"),), {"db": stored})
    assert ended.status != 0
    assert says in ended.said and "hunter2" not in ended.said
    assert not machine.path("/run/bluegreen/secrets/secrets.env").exists()


def test_one_that_does_not_exist_is_not_waited_for(tmp_path):
    machine = Machine(tmp_path, FULL, PLACE)
    machine.unpack()
    machine.fails("aws secretsmanager*", "(ResourceNotFoundException) Secrets Manager can't find it", status=254)
    ended = again(machine)
    assert ended.status != 0 and "secret shop/database can't be read" in ended.said
    assert len(ended.calls) == 1


def test_what_is_there_stays_until_all_of_the_new_ones_are(tmp_path):
    machine, _ = fetched(
        tmp_path, FULL.secrets, {"shop/database": text({"password": "old"}), "shop/licence": text("1")}
    )
    before = machine.read("/run/bluegreen/secrets/secrets.env")
    machine.fails("aws secretsmanager*shop/licence*", "AccessDenied")
    assert again(machine).status != 0
    assert machine.read("/run/bluegreen/secrets/secrets.env") == before


def test_no_secrets_are_an_empty_file(tmp_path):
    machine, ended = fetched(tmp_path, (), {})
    assert (ended.status, ended.calls) == (0, [])
    assert machine.read("/run/bluegreen/secrets/secrets.env") == ""
