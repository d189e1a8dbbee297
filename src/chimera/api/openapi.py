"""The OpenAPI document: every operation with its rule, its problems and its examples."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic.json_schema import models_json_schema

from chimera import __version__
from chimera.api.problems import KINDS, MEDIA_TYPE, OWN_KINDS, Problem
from chimera.api.replies import reply
from chimera.guard import PUBLIC, rule_of

router = APIRouter(include_in_schema=False)

_ABOUT = """\
Everything that the command line can do. Reports have the shape of its `-o json`: times are ISO
8601 with their zone, spans ISO 8601 durations, ratios run from 0 to 1. Fields are added, never
renamed. Values of environment variables are masked as `***`.
"""
_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, `chm_...`: `chimera token create` or the settings page.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "chimera",
        "description": "A browser's session. A write also needs the header `X-CSRF-Token`.",
    },
}


@router.get("/openapi.json", dependencies=[PUBLIC])
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    app: FastAPI = request.app
    if not hasattr(app.state, "openapi"):
        app.state.openapi = document(app)
    return reply(app.state.openapi)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application's API."""
    routes = [one for one in app.routes if _shown(one)]
    made = get_openapi(
        title="Chimera",
        version=__version__,
        description=_ABOUT,
        routes=routes,
        separate_input_output_schemas=False,
    )
    for context in iter_route_contexts(list(app.routes)):
        _describe(made, context)
    components = made.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    _, problem = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    components.setdefault("schemas", {}).update(problem["$defs"])
    made["x-problems"] = {
        kind.type: {"status": int(kind.status), "title": kind.title}
        for kind in (*KINDS.values(), *OWN_KINDS)
    }
    return made


def _shown(route: object) -> bool:
    return bool(getattr(route, "include_in_schema", True))


def _describe(made: dict[str, Any], route: Any) -> None:
    """Add to an operation who may call it."""
    operations = made["paths"].get(getattr(route, "path", ""), {})
    rule = rule_of(route)
    for method in getattr(route, "methods", None) or ():
        operation = operations.get(method.lower())
        if operation is None or rule is None:
            continue
        operation["security"] = [] if rule.role is None else [{name: []} for name in _SCHEMES]
        if rule.role is not None:
            operation["x-role"] = rule.role.value
        for response in operation["responses"].values():
            content = response.get("content", {})
            if MEDIA_TYPE in content:
                response["content"] = {MEDIA_TYPE: content[MEDIA_TYPE]}
