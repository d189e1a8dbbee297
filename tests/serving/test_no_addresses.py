"""Nobody but whoever runs Chimera names an address that it asks: no field takes one.

If one is to come, what it leads to is asked through `chimera.app.outgoing`, and named here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.served import served

from chimera import web

SUSPECT = re.compile(r"ur[il]|host|endpoint|address|webhook|server|proxy|issuer", re.IGNORECASE)
_FIELD = re.compile(r'(?:\bname="|ui\.(?:field|choice|select)\(")([a-z_]+)"')


def names(schema: Any) -> Iterator[str]:
    """Yield the name of every property in a JSON schema, and those that are said to be a URI."""
    if isinstance(schema, list):
        for one in schema:
            yield from names(one)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {})
        if str(schema.get("format", "")).startswith(("uri", "url", "hostname")):
            yield f"a {schema['format']}"
        for one in schema.values():
            yield from names(one)


def asked(document: dict[str, Any]) -> Iterator[str]:
    """Yield the name of everything that a request to the API can hold."""
    for path in document["paths"].values():
        for operation in path.values():
            yield from (one["name"] for one in operation.get("parameters", ()))
            body = operation.get("requestBody", {})
            yield from names(body)
            for used in _referred(document, body, set()):
                yield from names(document["components"]["schemas"][used])


def _referred(document: dict[str, Any], part: Any, seen: set[str]) -> set[str]:
    for used in re.findall(r"#/components/schemas/(\w+)", str(part)):
        if used not in seen:
            seen.add(used)
            _referred(document, document["components"]["schemas"][used], seen)
    return seen


def fields() -> Iterator[str]:
    """Yield the name of every field of a form."""
    for file in (Path(web.__file__).parent / "templates").rglob("*.html"):
        yield from _FIELD.findall(file.read_text(encoding="utf-8"))


async def test_no_field_takes_an_address(tmp_path: Path) -> None:
    async with served(tmp_path) as one, one.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()
        found = {
            "the spec": set(names(one.chimera.schema())),
            "the API": set(asked(document)),
            "the pages": set(fields()),
        }
    # It was really looked for.
    assert {"command", "health"} <= found["the spec"]
    assert {"spec", "ref", "password"} <= found["the API"]
    assert {"cluster", "reason", "old"} <= found["the pages"]
    assert {where: sorted(filter(SUSPECT.search, all_)) for where, all_ in found.items()} == {
        "the spec": [],
        "the API": [],
        "the pages": [],
    }
