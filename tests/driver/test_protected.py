"""What is kept from deletion is found in the state, before anything is deleted."""

from __future__ import annotations

from pathlib import Path

from driver.checkout import Checkout
from driver.stack.automation import PulumiStack

URN = "urn:pulumi:prod::shop::aws:lb/loadBalancer:LoadBalancer::"


def stack(monkeypatch, *resources):
    made = PulumiStack(Checkout(Path(), "prod"), "me")
    monkeypatch.setattr(made, "_resources", lambda: list(resources))
    return made


def test_pulumis_marks_and_awss_own_protection_both_count(monkeypatch):
    found = stack(
        monkeypatch,
        {"urn": URN + "record", "protect": True},
        {"urn": URN + "balancer", "inputs": {"enableDeletionProtection": True}},
        {"urn": URN + "free", "protect": False, "inputs": {"enableDeletionProtection": False}},
        {"urn": URN + "component"},
    )
    assert found.protected() == ("record", "balancer")
    assert not found.blank()


def test_an_empty_state_protects_nothing(monkeypatch):
    assert stack(monkeypatch).protected() == ()
    assert stack(monkeypatch).blank()
