"""Metric math, as far as alarms use it: arithmetic, comparisons, and a handful of functions. Pure."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

Series = dict[float, float]
Value = float | Series | list[Series] | str

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>&&|\|\||[<>=!]=|[-+*/^<>()\[\],]))"
)
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "AND": lambda a, b: float(bool(a and b)),
    "OR": lambda a, b: float(bool(a or b)),
}
_SAME = {"&&": "AND", "||": "OR"}
# From loosest to tightest.
_LEVELS = (("OR", "||"), ("AND", "&&"), ("<", ">", "<=", ">=", "==", "!="), ("+", "-"), ("*", "/"), ("^",))
_FOLDS: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: math.fsum(values) / len(values),
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
FUNCTIONS = (*_FOLDS, *_EACH, "FILL", "IF", "METRICS")


class ExpressionError(ValueError):
    """Why an expression can't be evaluated."""


def references(expression: str) -> set[str]:
    """The ids that it names. Raises ExpressionError where it isn't well formed."""
    seen: set[str] = set()

    class Noting(dict[str, Value]):
        def __missing__(self, name: str) -> Value:
            seen.add(name)
            return {}

    _Reader(expression, Noting(), ()).result()
    return seen


def evaluate(expression: str, known: Mapping[str, Value], grid: Sequence[float]) -> Series:
    """Its values by time, on the periods of `grid`. Raises ExpressionError."""
    result = _Reader(expression, known, grid).result()
    if isinstance(result, float):
        return dict.fromkeys(grid, result)
    if not isinstance(result, dict):
        raise ExpressionError("it must end in a single time series")
    return result


class _Reader:
    """Reads an expression and computes it in the same breath."""

    def __init__(self, expression: str, known: Mapping[str, Value], grid: Sequence[float]) -> None:
        self._known, self._grid = known, grid
        self._tokens = _tokens(expression)
        self._next = 0

    def result(self) -> Value:
        value = self._level(0)
        if self._next < len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._next][1]!r}")
        return value

    def _level(self, level: int) -> Value:
        if level == len(_LEVELS):
            return self._unary()
        value = self._level(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            self._next += 1
            value = _combine(_SAME.get(sign, sign), value, self._level(level + 1))
        return value

    def _unary(self) -> Value:
        if self._peek() == "-":
            self._next += 1
            return _combine("*", -1.0, self._unary())
        return self._atom()

    def _atom(self) -> Value:
        if self._next >= len(self._tokens):
            raise ExpressionError("it ends too early")
        kind, text = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            return float(text)
        if kind == "text":
            return text[1:-1]
        if text == "(":
            value = self._level(0)
            self._expect(")")
            return value
        if text == "[":
            return [_series(value) for value in self._several("]")]
        if kind == "name" and self._peek() == "(":
            self._next += 1
            return self._call(text, self._several(")"))
        if kind == "name" and text in ("REPEAT", "LINEAR"):
            return text
        if kind != "name":
            raise ExpressionError(f"unexpected {text!r}")
        try:
            return self._known[text]
        except KeyError:
            raise ExpressionError(f"there is no metric or expression {text!r}") from None

    def _call(self, name: str, given: list[Value]) -> Value:
        if name == "METRICS":
            part = str(given[0]) if given else ""
            return [value for id, value in self._known.items() if isinstance(value, dict) and part in id]
        if name == "IF" and len(given) in (2, 3):
            return _choose(given[0], given[1], given[2] if len(given) == 3 else {})
        if name == "FILL" and len(given) == 2:
            return _fill(_series(given[0]), given[1], self._grid)
        if name in _EACH and len(given) == 1:
            return {at: float(_EACH[name](value)) for at, value in _series(given[0]).items()}
        if name in _FOLDS and len(given) == 1:
            return _fold(_FOLDS[name], given[0])
        if name in FUNCTIONS:
            raise ExpressionError(f"{name} takes another number of arguments than {len(given)}")
        raise ExpressionError(f"the sandbox has no function {name}; it has {', '.join(FUNCTIONS)}")

    def _several(self, end: str) -> list[Value]:
        values: list[Value] = []
        while self._peek() != end:
            if values:
                self._expect(",")
            values.append(self._level(0))
        self._next += 1
        return values

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise ExpressionError(f"{sign!r} is missing")
        self._next += 1


def _tokens(expression: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while expression[at:].strip():
        token = _TOKEN.match(expression, at)
        if token is None:
            raise ExpressionError(f"unexpected {expression[at:].strip()[0]!r}")
        kind = str(token.lastgroup)
        found.append((kind, token[kind]))
        at = token.end()
    return found


def _series(value: Value) -> Series:
    if not isinstance(value, dict):
        raise ExpressionError("a time series is expected")
    return value


def _combine(sign: str, left: Value, right: Value) -> Value:
    """Where one side has no value at a time, the result has none; and none where it would be divided by zero."""
    if isinstance(left, list):
        return [_series(_combine(sign, each, right)) for each in left]
    if isinstance(right, list):
        return [_series(_combine(sign, left, each)) for each in right]
    if isinstance(left, str) or isinstance(right, str):
        raise ExpressionError(f"{sign} takes numbers and time series")
    if not isinstance(left, dict) and not isinstance(right, dict):
        value = _computed(sign, left, right)
        if value is None:
            raise ExpressionError(f"{left:g} {sign} {right:g} has no value")
        return value
    result = {}
    for at in left if isinstance(left, dict) else _series(right):
        a = left.get(at) if isinstance(left, dict) else left
        b = right.get(at) if isinstance(right, dict) else right
        if a is not None and b is not None and (value := _computed(sign, a, b)) is not None:
            result[at] = value
    return result


def _computed(sign: str, a: float, b: float) -> float | None:
    try:
        value = _ARITHMETIC[sign](a, b)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) else float(value)


def _choose(condition: Value, then: Value, otherwise: Value) -> Value:
    if isinstance(condition, float):
        return then if condition else otherwise
    result: Series = {}
    for at, holds in _series(condition).items():
        chosen = then if holds else otherwise
        value = chosen if isinstance(chosen, float) else _series(chosen).get(at)
        if value is not None:
            result[at] = value
    return result


def _fill(series: Series, how: Value, grid: Sequence[float]) -> Series:
    filled: Series = {}
    before: float | None = None
    for at in grid:
        value = series.get(at)
        if value is None and isinstance(how, float):
            value = how
        elif value is None and how == "REPEAT":
            value = filled.get(before) if before is not None else None
        elif value is None and how == "LINEAR":
            value = _between(series, at)
        elif value is None and isinstance(how, dict):
            value = how.get(at)
        if value is not None:
            filled[at] = value
            before = at
    return filled


def _between(series: Series, at: float) -> float | None:
    earlier = max((time for time in series if time < at), default=None)
    later = min((time for time in series if time > at), default=None)
    if earlier is None or later is None:
        return None
    return series[earlier] + (series[later] - series[earlier]) * (at - earlier) / (later - earlier)


def _fold(fold: Callable[[Sequence[float]], float], value: Value) -> Value:
    """Of one series a number; of several a series."""
    if isinstance(value, list):
        times = sorted({at for series in value for at in series})
        return {at: float(fold([series[at] for series in value if at in series])) for at in times}
    held = list(_series(value).values())
    return float(fold(held)) if held else {}
