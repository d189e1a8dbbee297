"""From pydantic's errors to sentences at lines: what is wrong, and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from chimera.core.spec.steps import STEPS
from chimera.core.spec.tree import Node, Path, Problem
from chimera.core.spec.values import show

_LATER = {
    "notifications": "notifications belong to a later release; remove it",
    "triggers": "triggers belong to a later release; remove it",
    "webhooks": "webhooks belong to a later release; remove it",
}
_MISSING = {
    "version": "missing; the file begins with 'version: 1'",
    "service": "missing; say which service, for example 'service: checkout'",
    "target": "missing; say where it runs, for example 'target: {platform: local, ...}'",
}
_Details = Mapping[str, Any]


def problems_of(
    errors: Iterable[_Details], tree: Node, model: type[BaseModel], at: Path = ()
) -> Iterator[Problem]:
    """Yield one problem per mistake; `at` is where in `tree` the errors' locations begin."""
    grouped: dict[Path, list[str]] = {}
    for error in errors:
        ctx, loc = error.get("ctx", {}), at + error["loc"]
        for below, sentence in ctx.get("found", ()):
            grouped.setdefault(loc + below, []).append(sentence)
        if error["type"] == "nested":
            yield from problems_of(ctx["errors"], tree, ctx["model"], loc)
        elif error["type"] != "mistakes":
            path, node = _follow(tree, loc, missing=error["type"] == "missing")
            sentence = _sentence(error, model, loc, node)
            if sentence not in grouped.setdefault(path, []):
                grouped[path].append(sentence)
    for place, sentences in grouped.items():
        path, node = _follow(tree, place, missing=True)
        if node is not None:
            yield Problem(_line(tree, path), _either(sentences), _label(path))


def _follow(tree: Node, loc: Path, *, missing: bool) -> tuple[Path, Node | None]:
    """Return the part of `loc` that is in the tree, and its node; None if a problem is told there.

    pydantic also names the branches of unions in `loc`; those are not in the tree. If `missing`,
    the last part is a key that is not there, and is kept.
    """
    node = tree
    path: Path = ()
    for position, part in enumerate(loc):
        if part in node.children:
            node, path = node.children[part], (*path, part)
        elif missing and position == len(loc) - 1:
            path = (*path, part)
    return path, None if node.bad else node


def _line(tree: Node, path: Path) -> int:
    """Return where a value stands; of a mapping or a list below a key, the key's line."""
    node, line = tree, tree.line
    for part in path:
        if part not in node.children:
            break
        child = node.children[part]
        line = child.line if child.kind == "scalar" else node.key_lines.get(str(part), child.line)
        node = child
    return line


def _either(sentences: list[str]) -> str:
    """Join what the branches of a union say: 'text, not 5' and 'a list, not 5'."""
    wanted, seen = zip(*(s.rpartition(", not ")[::2] for s in sentences), strict=True)
    if len(set(seen)) == 1 and all(wanted):
        return f"{' or '.join(wanted)}, not {seen[0]}"
    return " or ".join(sentences)


def _label(path: Path) -> str:
    label = ""
    for part in path:
        short = part if isinstance(part, int) or len(part) <= 60 else part[:57] + "..."
        label += f"[{short}]" if isinstance(part, int) else f".{short}"
    return label.removeprefix(".")


def _sentence(error: _Details, model: type[BaseModel], loc: Path, node: Node | None) -> str:
    kind, value, ctx = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "mistake":
        return str(ctx["sentence"])
    if kind == "extra_forbidden":
        return _unknown_key(str(loc[-1]), fields_at(model, error["loc"][:-1]), inside=loc)
    if kind == "missing":
        return _missing(str(loc[-1]), fields_at(model, error["loc"][:-1]), inside=loc)
    if kind == "step":
        return _unknown_step(value)
    if kind == "value_error":
        return str(ctx["error"])
    if kind in {"literal_error", "enum"}:
        return _one_of(value, re.findall(r"'([^']*)'|(\d+)", str(ctx["expected"])))
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {ctx[bound]}, not {show(value)}"
    for prefix, wanted in _WANTED.items():
        if kind.startswith(prefix):
            return f"{wanted}, not {show(value)}{_advice(prefix, value, node)}"
    said = str(error["msg"])
    return said[:1].lower() + said[1:]


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _advice(prefix: str, value: object, node: Node | None) -> str:
    if prefix == "bool" and isinstance(value, str):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower())
        return f"; write {meant}" if meant else ""
    if prefix == "int" and isinstance(value, str):
        digits = re.sub(r"[\s_,%+]", "", value)
        return f"; write {int(digits)}" if re.fullmatch(r"[0-9]{1,9}", digits) else ""
    if prefix == "string_type" and node is not None and isinstance(value, bool | int | float):
        return f'; put it in quotes: "{node.source}"'
    return ""


def _unknown_key(key: str, fields: Mapping[str, str], *, inside: Path) -> str:
    if key in _LATER:
        return _LATER[key]
    if key in STEPS and inside[:1] == ("steps",):
        return "a step of its own; begin it with '- ' on a new line"
    near = _nearest(key, fields)
    if near:
        return f"unknown key; did you mean '{near}'?"
    return f"unknown key; known here: {', '.join(fields) or 'none'}"


def _missing(key: str, fields: Mapping[str, str], *, inside: Path) -> str:
    if len(inside) == 1 and key in _MISSING:
        return _MISSING[key]
    about = fields.get(key, "").rstrip(".")
    return f"missing; {about[:1].lower()}{about[1:]}" if about else "missing"


def _unknown_step(value: object) -> str:
    forms = "a step is {setWeight: 5}, {pause: 5m} or {approval: {}}"
    if not isinstance(value, Mapping):
        return f"{forms}, not {show(value)}"
    keys = [str(key) for key in value]
    near = next(((key, hit) for key in keys if (hit := _nearest(key, STEPS))), None)
    if near:
        return f"unknown step '{near[0]}'; did you mean '{near[1]}'?"
    return f"{forms}, not {show(keys[0]) if keys else 'nothing'}"


def _one_of(value: object, expected: list[tuple[str, str]]) -> str:
    choices = [word or number for word, number in expected]
    near = _nearest(value, choices) if isinstance(value, str) else ""
    meant = f"; did you mean '{near}'?" if near else ""
    if len(choices) == 1:
        return f"only {choices[0]} is known here, not {show(value)}"
    return f"one of {', '.join(choices)}, not {show(value)}{meant}"


def _nearest(key: str, choices: Iterable[str]) -> str:
    if len(key) > 60:
        return ""
    folded = {choice.lower().replace("_", ""): choice for choice in choices}
    wanted = key.lower().replace("_", "").replace("-", "")
    found = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def fields_at(model: type[BaseModel], loc: Path) -> dict[str, str]:
    """Return the keys that are valid at `loc` below `model`, each with its description."""
    models = [model]
    for part in loc:
        if isinstance(part, str) and part.startswith("step:"):
            models = [STEPS[part.removeprefix("step:")]]
        elif isinstance(part, str):
            fields = [
                f for m in models for n, f in m.model_fields.items() if part == (f.alias or n)
            ]
            models = [found for f in fields for found in _models_in(f.annotation)] or models
    return {f.alias or n: f.description or "" for m in models for n, f in m.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
