"""Capacity provider strategies: which provider the next task of a service runs on. Pure."""

from collections import Counter
from typing import Any


def next_provider(strategy: list[dict[str, Any]], held: Counter[str]) -> str | None:
    """First the base, then by weight: the one that lags behind its share most. None without a strategy."""
    if not strategy:
        return None
    for item in strategy:
        if held[item["capacityProvider"]] < int(item.get("base") or 0):
            return str(item["capacityProvider"])
    weighed = [item for item in strategy if item.get("weight")]
    if not weighed:
        return str(strategy[0]["capacityProvider"])

    def share(item: dict[str, Any]) -> float:
        above = held[item["capacityProvider"]] - int(item.get("base") or 0)
        return (above + 1) / int(item["weight"])

    return str(min(weighed, key=share)["capacityProvider"])
