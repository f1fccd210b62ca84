"""A rehearsal works on a copy of the project and leaves the checkout alone."""

import pytest

from sandbox.embedded import NotASandbox, command, loopback
from sandbox.project import certificates, copy_project, drop_config, set_config, stack_config

PULUMI = "# ours\nname: shop\nmain: infra\nruntime:\n  name: python\n  options:\n    virtualenv: .venv\n"
STACK = "config:\n  # a reason\n  bluegreen:image: shop:1\n  bluegreen:activeColor: green\n"


@pytest.fixture
def project(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "Pulumi.yaml").write_text(PULUMI)
    (source / "Pulumi.dev.yaml").write_text(STACK)
    return source


def test_the_copy_points_into_the_source(project, tmp_path):
    copied = copy_project(project, tmp_path / "copy")
    text = (copied / "Pulumi.yaml").read_text()
    assert str(project / "infra") in text
    assert str(project / ".venv") in text
    assert (project / "Pulumi.yaml").read_text() == PULUMI


def test_editing_the_copy_keeps_comments_and_the_source(project, tmp_path):
    copied = copy_project(project, tmp_path / "copy")
    drop_config(copied, "dev", "bluegreen:activeColor")
    drop_config(copied, "dev", "bluegreen:transition")
    set_config(copied, "dev", "bluegreen:image", "shop:2")
    assert stack_config(copied, "dev") == {"bluegreen:image": "shop:2"}
    assert "# a reason" in (copied / "Pulumi.dev.yaml").read_text()
    assert (project / "Pulumi.dev.yaml").read_text() == STACK


def test_a_stack_without_a_file_has_no_config(project):
    assert stack_config(project, "prod") == {}


@pytest.mark.parametrize(
    ("endpoint", "mine"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://127.3.2.1", True),
        ("http://[::1]:80", True),
        ("http://localhost:1", True),
        ("https://ssm.eu-central-1.amazonaws.com", False),
        ("http://10.0.0.1:4566", False),
        ("http://127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_only_this_machine_is_a_sandbox(endpoint, mine):
    assert loopback(endpoint) is mine
    if not mine:
        with pytest.raises(NotASandbox):
            command({"AWS_ENDPOINT_URL": endpoint})


def test_the_certificates_that_settings_name_are_found_once(project):
    arn = "arn:aws:acm:eu-central-1:111122223333:certificate/6a7d3c52-0b6e-4f0c"
    (project / "Pulumi.prod.yaml").write_text(f"config:\n  a: {arn}\n  b: {{certificate: {arn}}}\n")
    assert certificates(project) == [arn]
