"""Which addresses awsx gives to which subnet."""

from __future__ import annotations

import pytest

from sandbox.engine.protocol import ProviderError
from sandbox.provider.awsx_layout import lay_out, read_specs

TWO = ["a", "b"]


def networks(block, zones, specs=None, strategy="Auto", mask=None):
    return {place.name("v"): str(place.network) for place in lay_out(block, zones, read_specs(specs), strategy, mask)}


@pytest.mark.parametrize("strategy", ["Auto", "Legacy"])
def test_two_zones_by_default(strategy):
    assert networks("10.0.0.0/16", TWO, strategy=strategy) == {
        "v-private-1": "10.0.0.0/18",
        "v-public-1": "10.0.64.0/19",
        "v-private-2": "10.0.128.0/18",
        "v-public-2": "10.0.192.0/19",
    }


@pytest.mark.parametrize("strategy", ["Auto", "Legacy"])
def test_three_zones_take_quarters(strategy):
    laid = networks("10.0.0.0/16", ["a", "b", "c"], strategy=strategy)
    assert laid["v-private-3"] == "10.0.128.0/19"
    assert laid["v-public-3"] == "10.0.160.0/20"


def test_auto_uses_no_more_than_a_16_of_a_larger_network():
    assert networks("10.0.0.0/8", TWO)["v-private-1"] == "10.0.0.0/17"
    assert networks("10.0.0.0/8", TWO, strategy="Legacy")["v-private-1"] == "10.0.0.0/10"


def test_auto_keeps_the_specs_order_and_aligns():
    specs = [{"type": "Public", "cidrMask": 24}, {"type": "Private", "cidrMask": 20}, {"type": "Isolated", "size": 256}]
    assert networks("10.0.0.0/16", ["a"], specs) == {
        "v-public-1": "10.0.0.0/24",
        "v-private-1": "10.0.16.0/20",
        "v-isolated-1": "10.0.32.0/24",
    }


def test_legacy_lays_private_subnets_first():
    specs = [{"type": "Public", "cidrMask": 24}, {"type": "Private", "cidrMask": 20, "name": "app"}]
    assert networks("10.0.0.0/16", ["a"], specs, "Legacy") == {
        "v-app-1": "10.0.0.0/20",
        "v-public-1": "10.0.16.0/24",
    }


def test_given_blocks_are_taken_as_they_are():
    specs = [{"type": "Private", "cidrBlocks": ["10.0.4.0/24", "10.0.5.0/24"]}]
    assert networks("10.0.0.0/16", TWO, specs) == {"v-private-1": "10.0.4.0/24", "v-private-2": "10.0.5.0/24"}


def test_unused_holds_a_place():
    specs = [{"type": "Unused", "cidrMask": 17}, {"type": "Private", "cidrMask": 17}]
    assert networks("10.0.0.0/16", ["a"], specs, "Exact") == {"v-private-1": "10.0.128.0/17"}


@pytest.mark.parametrize(
    ("block", "zones", "specs", "strategy", "words"),
    [
        ("10.0.0.0/16", TWO, [{"type": "Private", "cidrMask": 16}], "Auto", "too large"),
        ("10.0.0.0/16", TWO, [{"type": "Private", "cidrMask": 16}], "Legacy", "overlap|not within"),
        ("10.0.0.0/16", ["a"], [{"type": "Private", "cidrMask": 17}], "Exact", "gaps"),
        ("10.0.0.0/16", TWO, [{"type": "Private", "cidrBlocks": ["10.0.0.0/24"]}], "Auto", "must match the number"),
        ("10.0.0.0/16", ["a"], [{"type": "Private", "cidrBlocks": ["10.1.0.0/24"]}], "Auto", "not within"),
        ("10.0.0.0/16", ["a"], [{"type": "Private", "size": 256, "cidrMask": 23}], "Auto", "does not match"),
    ],
)
def test_what_does_not_fit_is_refused(block, zones, specs, strategy, words):
    with pytest.raises(ProviderError, match=words):
        networks(block, zones, specs, strategy)
