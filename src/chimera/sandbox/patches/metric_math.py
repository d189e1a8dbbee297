"""Metric maths, as far as people use it on a canary: arithmetic, SUM, RATE, FILL and the like."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


class MathError(ValueError):
    """The expression cannot be computed; the message says why."""


@dataclass(frozen=True, slots=True)
class Values:
    """A line: value by Unix time, the period in seconds, and whether it is a plain metric."""

    points: Mapping[float, float]
    period: int
    metric: bool = False


Value = float | str | Values | list["Value"]
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: lambda a, b: float(a > b),
    ast.Lt: lambda a, b: float(a < b),
    ast.GtE: lambda a, b: float(a >= b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Eq: lambda a, b: float(a == b),
    ast.NotEq: lambda a, b: float(a != b),
}


def evaluate(expression: str, known: Mapping[str, Values], window: tuple[float, float]) -> Values:
    """Compute an expression over the lines that are known by id. Raises MathError."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise MathError(f"cannot read {expression!r}") from error
    result = _Machine(known, window).value(tree)
    if not isinstance(result, Values):
        raise MathError("the result must be one time series")
    return result


class _Machine:
    def __init__(self, known: Mapping[str, Values], window: tuple[float, float]) -> None:
        self._known = known
        self._window = window

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            return node.value
        if isinstance(node, ast.Name):
            if node.id == "REPEAT":
                return node.id
            if node.id not in self._known:
                raise MathError(f"{node.id} is not defined")
            return self._known[node.id]
        if isinstance(node, ast.List):
            return [self.value(one) for one in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _combine(operator.mul, -1.0, self.value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            pair = self.value(node.left), self.value(node.right)
            return _combine(_OPERATORS[type(node.op)], *pair)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            pair = self.value(node.left), self.value(node.comparators[0])
            return _combine(_OPERATORS[type(node.ops[0])], *pair)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id.upper(), [self.value(one) for one in node.args])
        raise MathError("this form is not supported")

    def _call(self, name: str, given: list[Value]) -> Value:
        if name == "METRICS":
            part = given[0] if given else ""
            return [v for k, v in self._known.items() if v.metric and str(part) in k]
        if name == "FILL" and isinstance(given[0], Values):
            return self._fill(given[0], given[1])
        if name == "FILL" and isinstance(given[0], list):
            return [self._call(name, [one, given[1]]) for one in given[0]]
        if name == "IF" and len(given) in {2, 3}:
            return _choose(given)
        if name in {"RATE", "DIFF"} and isinstance(given[0], Values):
            return _changes(given[0], per_second=name == "RATE")
        if name == "PERIOD" and isinstance(given[0], Values):
            return float(given[0].period)
        if name in _REDUCERS:
            return _reduce(_REDUCERS[name], given[0])
        raise MathError(f"the function {name} is not supported")

    def _fill(self, line: Values, filler: Value) -> Values:
        points: dict[float, float] = {}
        at, last = self._window[0] // line.period * line.period, None
        while at < self._window[1]:
            last = line.points.get(at, last)
            if at in line.points:
                points[at] = line.points[at]
            elif isinstance(filler, int | float):
                points[at] = float(filler)
            elif isinstance(filler, Values) and at in filler.points:
                points[at] = filler.points[at]
            elif filler == "REPEAT" and last is not None:
                points[at] = last
            at += line.period
        return Values(points, line.period)


_REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


def _combine(compute: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list):
        return [_combine(compute, one, right) for one in left]
    if isinstance(right, list):
        return [_combine(compute, left, one) for one in right]
    if isinstance(left, Values) and isinstance(right, Values):
        times = left.points.keys() & right.points.keys()
        pairs = {at: (left.points[at], right.points[at]) for at in times}
        return Values(_safely(compute, pairs), max(left.period, right.period))
    if isinstance(left, Values):
        number = _number(right)
        return Values(
            _safely(compute, {a: (v, number) for a, v in left.points.items()}), left.period
        )
    if isinstance(right, Values):
        number = _number(left)
        line = {at: (number, value) for at, value in right.points.items()}
        return Values(_safely(compute, line), right.period)
    return compute(_number(left), _number(right))


def _number(value: Value) -> float:
    if not isinstance(value, int | float):
        raise MathError("a number is needed here")
    return float(value)


def _safely(
    compute: Callable[[float, float], float], pairs: Mapping[float, tuple[float, float]]
) -> dict[float, float]:
    # CloudWatch leaves out what a division by zero would give.
    found = {}
    for at, (left, right) in pairs.items():
        try:
            value = compute(left, right)
        except (ZeroDivisionError, OverflowError):
            continue
        if math.isfinite(value):
            found[at] = value
    return found


def _reduce(reducer: Callable[[Sequence[float]], float], given: Value) -> Value:
    if isinstance(given, Values):
        return reducer(list(given.points.values())) if given.points else math.nan
    lines = [one for one in given if isinstance(one, Values)] if isinstance(given, list) else []
    if not lines:
        return Values({}, 60)
    times = {at for line in lines for at in line.points}
    points = {at: reducer([line.points[at] for line in lines if at in line.points]) for at in times}
    return Values(points, max(line.period for line in lines))


def _changes(line: Values, *, per_second: bool) -> Values:
    times = sorted(line.points)
    points = {}
    for before, at in pairwise(times):
        change = line.points[at] - line.points[before]
        points[at] = change / (at - before) if per_second else change
    return Values(points, line.period)


def _choose(given: list[Value]) -> Value:
    condition, then, *rest = given
    if not isinstance(condition, Values):
        raise MathError("IF needs a time series as its condition")
    otherwise = rest[0] if rest else None
    points = {}
    for at, value in condition.points.items():
        chosen = then if value else otherwise
        if isinstance(chosen, Values):
            if at in chosen.points:
                points[at] = chosen.points[at]
        elif chosen is not None:
            points[at] = _number(chosen)
    return Values(points, condition.period)
