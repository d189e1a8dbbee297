"""The range's own HTTP API, beside AWS's: /_chimera/faults, calls, fronts, policy, health.

GET    /_chimera/health   that it is up        GET  /_chimera/fronts  where users come in
GET    /_chimera/calls    what was asked       DELETE                  count anew
GET    /_chimera/faults   the rules in force   PUT replaces them, POST adds, DELETE clears
PUT    /_chimera/policy   an IAM policy document to judge every call by; DELETE allows all
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

from chimera.core.errors import SpecError
from chimera.sandbox.faults import read_rules
from chimera.sandbox.wire import Request, Response

if TYPE_CHECKING:
    from chimera.sandbox.box import Sandbox

_PREFIX = "/_chimera/"


class Control:
    """Answers its own paths, and hands everything else to AWS's front."""

    def __init__(self, box: Sandbox, aws: Callable[[Request], Response]) -> None:
        self._box = box
        self._aws = aws

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if not request.path.startswith(_PREFIX):
            return self._aws(request)
        try:
            found = self._own(request.method, request.path.removeprefix(_PREFIX), request.body)
        except SpecError as error:
            return _json(400, {"error": str(error), "problems": list(error.problems)})
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            return _json(400, {"error": str(error)})
        if found is None:
            return _json(404, {"error": f"nothing at {request.method} {request.path}"})
        return _json(200, found)

    def _own(self, method: str, path: str, body: bytes) -> Any:
        box = self._box
        if path == "faults":
            return self._faults(method, body)
        if path == "policy" and method in {"PUT", "DELETE"}:
            box.permissions.allow_only(yaml.safe_load(body) if method == "PUT" else None)
            return {"ok": True}
        if path == "calls" and method == "DELETE":
            box.calls.clear()
            return {"ok": True}
        if method != "GET":
            return None
        answers: dict[str, Callable[[], Any]] = {
            "calls": box.calls.as_json,
            "fronts": lambda: box.urls,
            "health": lambda: {"account": box.account, "region": box.options.region},
        }
        return answers[path]() if path in answers else None

    def _faults(self, method: str, body: bytes) -> Any:
        faults = self._box.faults
        if method in {"PUT", "POST"}:
            rules = read_rules(yaml.safe_load(body) or [])
            if method == "PUT":
                faults.set(rules)
            else:
                faults.add(*rules)
        elif method == "DELETE":
            faults.set([])
        elif method != "GET":
            return None
        return [rule.model_dump(exclude_defaults=True) for rule in faults.rules]


def _json(status: int, body: Any) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(body).encode())
