"""Every route x every role, generated from the application: what a rule says is what happens."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.support.golden import check_golden
from tests.support.served import Served

from chimera.core.access import Role
from chimera.guard import rule_of
from chimera.guard.rules import unruled

GOLDEN = Path(__file__).parent / "golden"
WHO = {"": None, "victor": Role.VIEWER, "otto": Role.OPERATOR, "ada": Role.ADMIN}
FILLED = {"ref": "logo", "service": "logo", "rollout": "logo", "name": "otto", "id": "logo"}


def routes(app: FastAPI) -> list[tuple[str, str, Role | None]]:
    """Return (method, path, the least role) of everything that is served."""
    found = []
    for route in iter_route_contexts(list(app.routes)):
        rule = rule_of(route)
        assert rule is not None, f"{getattr(route, 'path', route)} has no rule"
        for method in sorted(getattr(route, "methods", None) or ()):
            found.append((method, str(getattr(route, "path", "")), rule.role))
    return sorted(found)


async def test_the_rules_are_those_that_were_agreed(one: Served) -> None:
    listed = [
        f"{method:<7}{path:<50}{role.value if role else 'public'}"
        for method, path, role in routes(one.app)
        if path.startswith(("/api/", "/metrics", "/healthz", "/readyz"))
    ]
    check_golden(GOLDEN / "rules.txt", "\n".join(listed))


async def test_every_route_asks_for_its_role(one: Served) -> None:
    for name, held in WHO.items():
        async with one.client(name) as client:
            for method, path, needed in routes(one.app):
                allowed = needed is None or (held is not None and held.includes(needed))
                if allowed and not path.startswith("/api/"):
                    continue  # the page's own tests open it; here nothing is to be started
                status = await ask(client, method, path)
                # A page that asks for a person refuses a token as if nobody were signed in.
                no = {401} if held is None else {403} if path.startswith("/api/") else {401, 403}
                refused = status in no
                assert refused is not allowed, f"{name or 'nobody'}: {method} {path}: {status}"


async def ask(client: httpx.AsyncClient, method: str, path: str) -> int:
    """Return the status; of a stream, without waiting for its end."""
    for parameter, value in FILLED.items():
        path = path.replace(f"{{{parameter}}}", value).replace(f"{{{parameter}:path}}", value)
    path = path.replace("{", "").replace("}", "").replace(":path", "")
    async with client.stream(method, path, headers={"accept": "application/json"}) as answer:
        return answer.status_code


async def test_a_route_without_a_rule_is_named_and_shuts_the_house(one: Served) -> None:
    @one.app.get("/forgotten")
    async def forgotten() -> str:
        return "open"

    assert list(unruled(one.app.routes)) == ["/forgotten"]
    async with one.client() as client:
        assert (await client.get("/forgotten")).status_code == 500
        assert (await client.get("/healthz")).status_code == 500


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_tokens_that_are_none_are_refused(one: Served, method: str) -> None:
    for token in ("x", "chm_", "chm_a_b", "chm_" + "a" * 5_000, "\xe9"):
        async with one.client("") as client:
            bearer = {"authorization": f"Bearer {token}".encode("latin-1")}
            answer = await client.request(method, "/api/v1/services/logo", headers=bearer)  # type: ignore[arg-type]
            assert answer.status_code == (401 if method == "DELETE" else 405)
