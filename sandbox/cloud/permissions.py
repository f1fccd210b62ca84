"""What policies say of one action on one resource. Pure: statements and what is known of the call, in; a verdict, out.

An explicit Deny wins, else an Allow is needed. A condition that isn't understood here never lets anything through:
its Allow doesn't count, its Deny does, and the verdict says so.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]
Context = Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """`why`: of a refusal, in the words that AWS ends its own with."""

    allowed: bool
    denied: bool = False
    why: str = ""


@dataclass(frozen=True)
class Call:
    """One call: `context` holds the condition keys that AWS would know of it, by their names in any letter case."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def statements(document: Any) -> list[Statement]:
    """Of a policy as JSON text or read. An unreadable one has none."""
    try:
        read = json.loads(document) if isinstance(document, str | bytes) else document
    except ValueError:
        return []
    found = (read or {}).get("Statement") or []
    return found if isinstance(found, list) else [found]


def judge(policies: Iterable[Statement], call: Call, kind: str = "identity-based") -> Verdict:
    allowed, doubts = False, []
    for statement in policies:
        if not _concerns(statement, call):
            continue
        holds, doubt = _conditions(statement.get("Condition") or {}, call.context)
        if doubt:
            doubts.append(doubt)
        if statement.get("Effect") == "Deny" and (holds or doubt):
            said = f" ({doubt})" if doubt else ""
            return Verdict(False, True, f"with an explicit deny in an {kind} policy{said}")
        if statement.get("Effect") == "Allow" and holds and not doubt:
            allowed = True
    if allowed:
        return Verdict(True)
    said = f" ({'; '.join(dict.fromkeys(doubts))})" if doubts else ""
    return Verdict(False, False, f"because no {kind} policy allows the {call.action} action{said}")


def _concerns(statement: Statement, call: Call) -> bool:
    if "NotAction" in statement:
        named = not _any(statement["NotAction"], call.action.lower(), str.lower)
    else:
        named = _any(statement.get("Action"), call.action.lower(), str.lower)
    if "NotResource" in statement:
        return named and not _any(statement["NotResource"], call.resource)
    return named and _any(statement.get("Resource", "*"), call.resource)


def _any(patterns: Any, value: str, fold: Callable[[str], str] = str) -> bool:
    return any(_like(fold(pattern), value) for pattern in texts(patterns))


def _like(pattern: str, value: str) -> bool:
    """AWS's wildcards: * for any number of signs, ? for one."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in _list(value)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _conditions(conditions: Mapping[str, Any], context: Context) -> tuple[bool, str]:
    """Whether all hold, and what isn't understood of them."""
    known = {key.lower(): value for key, value in context.items()}
    for name, keys in conditions.items():
        # Every key that is known here has one value, so that any of them is all of them.
        operator = name.removeprefix("ForAnyValue:").removesuffix("IfExists")
        compare = _OPERATORS.get(operator)
        if compare is None:
            return False, f"the condition operator {name} is not known here"
        for key, wanted in keys.items():
            value = known.get(key.lower())
            if operator == "Null":
                holds = (value is None) == (texts(wanted)[:1] == ["true"])
            elif value is None:
                holds = name.endswith("IfExists") or operator in _NEGATED
            else:
                given = [compare(value, each) for each in texts(wanted)]
                holds = all(given) if operator in _NEGATED else any(given)
            if not holds:
                return False, ""
    return True, ""


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def judged(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return judged


_NEGATED = frozenset({"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotLike", "ArnNotEquals"})
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringNotEquals": lambda value, wanted: value != wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringNotEqualsIgnoreCase": lambda value, wanted: value.lower() != wanted.lower(),
    "StringLike": lambda value, wanted: _like(wanted, value),
    "StringNotLike": lambda value, wanted: not _like(wanted, value),
    "ArnLike": lambda value, wanted: _like(wanted, value),
    "ArnEquals": lambda value, wanted: _like(wanted, value),
    "ArnNotLike": lambda value, wanted: not _like(wanted, value),
    "ArnNotEquals": lambda value, wanted: not _like(wanted, value),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "NumericEquals": _number(lambda value, wanted: value == wanted),
    "NumericLessThan": _number(lambda value, wanted: value < wanted),
    "NumericLessThanEquals": _number(lambda value, wanted: value <= wanted),
    "NumericGreaterThan": _number(lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": _number(lambda value, wanted: value >= wanted),
    "Null": _number(lambda *_: True),  # judged by its key alone
}
