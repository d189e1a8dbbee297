"""The JSON Schema of a spec, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from chimera.core.spec.models import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(targets: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema (2020-12) of a spec whose `target` is one of these platforms' options."""
    schema = Spec.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs")
    for name, options in sorted(targets.items()):
        target = options.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}")
        for inner, definition in target.pop("$defs", {}).items():
            definitions[f"{name}.{inner}"] = definition
        definitions[f"target.{name}"] = _with_platform(target, name)
    about = schema["properties"]["target"].get("description", "")
    schema["properties"]["target"] = {
        "description": about,
        "oneOf": [{"$ref": f"#/$defs/target.{name}"} for name in sorted(targets)],
    }
    tidy = _tidy({**schema, "title": "Chimera spec", "$defs": definitions})
    return {"$schema": DIALECT, **tidy}


def _with_platform(schema: dict[str, Any], name: str) -> dict[str, Any]:
    platform = {"const": name, "description": f"The platform: {name}."}
    return {
        **schema,
        "properties": {"platform": platform, **schema.get("properties", {})},
        "required": ["platform", *schema.get("required", [])],
    }


def _tidy(schema: Any) -> Any:
    """Drop what only repeats the Python names, and the `null` of keys that may be left out."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items()}
    for part in tidy.get("properties", {}).values():
        part.pop("title", None)
        if part.get("default", ...) is None:
            del part["default"]
            _drop_null(part)
    return tidy


def _drop_null(part: dict[str, Any]) -> None:
    choices = [choice for choice in part.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del part["anyOf"]
        part.update(choices[0])
    elif choices:
        part["anyOf"] = choices
