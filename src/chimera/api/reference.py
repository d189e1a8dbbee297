"""The reference page of the API, written from its OpenAPI document.

python -m chimera.api.reference > docs/reference/api.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from chimera.api.openapi import document
from chimera.api.problems import KINDS, OWN_KINDS
from chimera.api.routes import routes

_INTRODUCTION = """\
# API

<!-- Written by `python -m chimera.api.reference`; a test keeps it current. -->

Everything that the command line can do, under `/api/v1`. The OpenAPI document, with every field, is
at `/api/v1/openapi.json`. How it is used: [Use the API](../how-to/use-the-api.md).

Reports have the shape of `-o json` in [Commands](cli.md): times are ISO 8601 with their zone, spans
ISO 8601 durations, ratios run from 0 to 1. Fields are added, never renamed. Values of environment
variables are masked as `***`; a spec that is sent back with `***` keeps the values of the service's
last one. Folders in a spec are folders of the machine that Chimera runs on.

**Who may.** A request carries an API token, `Authorization: Bearer chm_...`, or a browser's
session. The role below is the least that is needed; lists hold only the services that one may look
at.

**Sending again.** A write may carry the header `Idempotency-Key`, 1 to 200 ASCII characters. The
same key and the same request is carried out once, on whichever replica, and answered alike for 24
hours; another request under the same key is refused. An answer of 500 and above lets go of the key.
While the first is still being carried out, the answer is `key-busy` after 30 s: send it again, but
not for longer than 10 minutes, after which a key without an answer is free.

**Limits.** A body has at most 1 MB. A user may send 1,200 requests and 120 writes a minute and
watch 30 streams; beyond that the answer is 429 with `Retry-After`.

## Streams

`GET /api/v1/rollouts/{ref}/stream` sends Server-Sent Events: `update` at once and at every change,
`end` when the rollout is over. The data of an update is JSON:

| Field | |
|---|---|
| `rollout` | the whole rollout as it is now |
| `lines`, `looks` | the events and looks that are new since the last update |
| `over` | nothing more will come |
| `trouble` | why the ledger cannot be read at the moment, or empty |

The id of an event is a cursor, `<last look>-<last event>`. Sent back as `Last-Event-ID`, or as
`?after=`, the stream goes on from there on any replica, without a gap and without anything twice.
A stream ends without `end` after 15 minutes and when Chimera does: come back with the cursor. Every
15 seconds of silence it sends a comment. `GET /api/v1/stream` tells of all rollouts: an event
`house` with `live` and `recent`.

## Problems

Every error is a problem document as in RFC 9457, `application/problem+json`: `type`, `title`,
`status`, `detail`, `instance`, and `hint`, which says what to do next. A wrong spec has one line
per mistake in `problems`; a conflict names the other rollout in `rollout`. Refusals by the host
name, the size or the speed of a request have the type `about:blank`.
"""


def render() -> str:
    """Return the whole page as Markdown."""
    app = FastAPI()
    app.include_router(routes())
    made = document(app)
    return "\n".join([_INTRODUCTION, *_problems(), *_operations(made)]).rstrip() + "\n"


def _problems() -> Iterator[str]:
    yield "| Type | Status | |\n|---|---|---|"
    for kind in (*KINDS.values(), *OWN_KINDS):
        yield f"| `{kind.type}` | {int(kind.status)} | {kind.title} |"


def _operations(made: dict[str, Any]) -> Iterator[str]:
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append((method, path, operation))
    for tag, entries in groups.items():
        yield f"\n## {tag[:1].upper()}{tag[1:]}"
        for method, path, operation in entries:
            yield from _section(method, path, operation)
    yield "\n## Health\n\n| | |\n|---|---|"
    yield "| `GET /healthz` | 200 while the process is alive; open to all |"
    yield "| `GET /readyz` | 200 if requests can be answered, else 503; open to all |"


def _section(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### `{method.upper()} {path}`\n\n{operation['description']}\n"
    yield f"*Role*: {operation['x-role']}. *Operation*: `{operation['operationId']}`."
    answer = _answer(operation)
    if answer:
        yield f"*Answer*: {answer}."
    rows = [
        f"| `{one['name']}` | {one['in']} | {one.get('description', '')} |"
        for one in operation.get("parameters", ())
        if one["in"] in {"query", "header"} and one["name"] != "idempotency-key"
    ]
    body = _schema_name(operation.get("requestBody", {}))
    if body:
        yield f"*Body*: `{body}`."
    if rows:
        yield "\n| | | |\n|---|---|---|"
        yield from rows


def _answer(operation: dict[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if int(status) < 300:
            name = _schema_name(response)
            return f"{status}" + (f", `{name}`" if name else "")
    return ""


def _schema_name(part: dict[str, Any]) -> str:
    for content in part.get("content", {}).values():
        return _named(content.get("schema", {}))
    return ""


def _named(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "items" in schema:
        inner = _named(schema["items"])
        return f"list of {inner}" if inner else ""
    for one in schema.get("anyOf", ()):
        if name := _named(one):
            return name
    return ""


if __name__ == "__main__":
    sys.stdout.write(render())
