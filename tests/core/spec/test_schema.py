"""The JSON Schema says what the loader does, as far as a schema can."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from tests.support.spec_strategies import good_specs
from tests.support.specs import HEAD, TARGETS

from chimera.core.spec import json_schema

SCHEMA = json_schema(TARGETS)
KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfits(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """Yield what a value breaks, for the keywords that the schema uses."""
    if "$ref" in schema:
        yield from misfits(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], value)
    for several in sorted({"anyOf", "oneOf"} & set(schema)):
        fits = sum(not list(misfits(choice, value)) for choice in schema[several])
        if fits != 1 and not (several == "anyOf" and fits):
            yield f"{value!r} fits {fits} of {several}"
    kind = schema.get("type")
    if kind and not is_a(value, kind):
        yield f"{value!r} is no {kind}"
        return
    if value not in schema.get("enum", [schema.get("const", value)]):
        yield f"{value!r} is not one of those listed"
    if not re.search(schema.get("pattern", ""), str(value)):
        yield f"{value!r} does not match"
    if kind in CHECKS:
        yield from CHECKS[kind](schema, value)


def is_a(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def outside(schema: dict[str, Any], value: float) -> Iterator[str]:
    too_low = value < schema.get("minimum", value) or value <= schema.get(
        "exclusiveMinimum", value - 1
    )
    too_high = value > schema.get("maximum", value) or value >= schema.get(
        "exclusiveMaximum", value + 1
    )
    if too_low or too_high:
        yield f"{value} is out of range"


def in_object(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{key} is missing" for key in schema.get("required", ()) if key not in value)
    for key, child in value.items():
        if key in properties:
            yield from misfits(properties[key], child)
        elif more is False:
            yield f"{key} is unknown"
        elif isinstance(more, dict):
            yield from misfits(more, child)


def in_array(schema: dict[str, Any], value: list[Any]) -> Iterator[str]:
    for child in value:
        yield from misfits(schema.get("items", {}), child)


CHECKS: dict[str, Callable[[dict[str, Any], Any], Iterator[str]]] = {
    "integer": outside,
    "number": outside,
    "object": in_object,
    "array": in_array,
}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    children = schema.values() if isinstance(schema, dict) else schema
    for child in children if isinstance(schema, dict | list) else ():
        yield from parts(child)


@given(good_specs())
def test_every_good_spec_fits(content: dict[str, Any]) -> None:
    content.get("analysis", {}).pop("metrics", None)
    approvals = [step for step in content.get("steps", ()) if "approval" in step]
    for step in approvals:
        step["approval"] = step["approval"] or {}
    assert list(misfits(SCHEMA, content)) == []


@pytest.mark.parametrize(
    "written",
    [
        "errorrate: 1%",
        "errorRate: 1",
        "errorRate: low",
        "latencyP95: 300",
        "lease: 1d",
        "strategy: bold",
        "steps: [{setWeight: 101}]",
        "steps: [{setweight: 5}]",
        "steps: [{setWeight: 5, pause: 5m}]",
        "steps: [{pause: {until: x}}]",
        "steps: [{approval: {role: viewer}}]",
        "canary: {replicas: 0}",
        "traffic: {sticky: 1}",
        "analysis: {metrics: [{name: checkouts}]}",
        "analysis: {metrics: [{max: 1%}]}",
        "target: {platform: box}",
        "target: {platform: box, port: 80, region: x}",
        "target: {platform: moon, port: 80}",
        "version: 2",
    ],
)
def test_what_the_loader_refuses_does_not_fit(written: str) -> None:
    good = yaml.safe_load(HEAD)
    assert not list(misfits(SCHEMA, good))
    assert list(misfits(SCHEMA, good | yaml.safe_load(written)))


def test_every_reference_leads_somewhere_and_everything_is_explained() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in parts(SCHEMA):
        if isinstance(part.get("$ref"), str):
            assert part["$ref"].removeprefix("#/$defs/") in SCHEMA["$defs"]
    for part in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert part["description"]
        for field in part.get("properties", {}).values():
            assert "description" in field or "$ref" in field
            assert field.get("default", ...) is not None


def test_the_platforms_are_the_choices_of_target() -> None:
    choices = SCHEMA["properties"]["target"]["oneOf"]
    assert choices == [{"$ref": "#/$defs/target.box"}, {"$ref": "#/$defs/target.cloud"}]
    assert SCHEMA["$defs"]["target.box"]["required"] == ["platform", "port"]
    assert "startTimeout" in SCHEMA["$defs"]["target.box"]["properties"]
