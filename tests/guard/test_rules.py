"""Every route has one rule; every rule lets through whom it names and nobody else."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse
from tests.guard.conftest import House
from tests.support.access import USERS, browser, browser_of, token_for

from chimera.app.access import Access
from chimera.core.access import EVERYTHING, Role
from chimera.core.errors import RolloutNotFound
from chimera.guard import PUBLIC, GuardSettings, install, requires, rule_of
from chimera.guard.rules import Rule, unruled

# For each kind of rule: who is let through.
WHO: dict[str, tuple[Rule, set[str]]] = {
    "public": (Rule(None), {*USERS, ""}),
    "viewer anywhere": (Rule(Role.VIEWER), {"victor", "otto", "ada", "olga"}),
    "operator anywhere": (Rule(Role.OPERATOR), {"otto", "ada", "olga"}),
    "viewer of everything": (Rule(Role.VIEWER, EVERYTHING), {"victor", "otto", "ada"}),
    "admin": (Rule(Role.ADMIN), {"ada"}),
    "viewer of shop": (Rule(Role.VIEWER, "service"), {"victor", "otto", "ada", "olga"}),
    "operator of shop": (Rule(Role.OPERATOR, "service"), {"otto", "ada", "olga"}),
    "admin of shop": (Rule(Role.ADMIN, "service"), {"ada"}),
    "viewer of its rollout": (Rule(Role.VIEWER, "ref"), {"victor", "otto", "ada", "olga"}),
    "operator of its rollout": (Rule(Role.OPERATOR, "ref"), {"otto", "ada", "olga"}),
}
OF_PAY = {"viewer": {"victor", "otto", "ada"}, "operator": {"otto", "ada"}, "admin": {"ada"}}


@dataclass
class Rollouts:
    """Answers which service a rollout is of, as the ledger does."""

    known: dict[str, str] = field(default_factory=lambda: {"shop-1": "shop", "pay-1": "pay"})

    async def status(self, ref: str) -> Any:
        if ref not in self.known:
            raise RolloutNotFound(f"no rollout '{ref}'", hint="services: shop, pay")
        service = SimpleNamespace(name=self.known[ref])
        return SimpleNamespace(rollout=SimpleNamespace(service=service))


def ruled(access: Access) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.chimera = Rollouts()
    router = APIRouter(prefix="/api/{place}/{service}/{ref}")
    for number, (rule, _) in enumerate(WHO.values()):

        @router.get(f"/{number}", dependencies=[Depends(rule)])
        async def seen(place: str) -> str:
            return place

    app.include_router(router)
    install(app, access, GuardSettings())
    return app


@pytest.mark.parametrize("service", ["shop", "pay"])
@pytest.mark.parametrize("kind", WHO)
async def test_a_rule_lets_through_whom_it_names(access: Access, kind: str, service: str) -> None:
    rule, expected = WHO[kind]
    if service == "pay" and rule.service not in {"", EVERYTHING}:
        assert rule.role
        expected = OF_PAY[rule.role]
    number = list(WHO).index(kind)
    async with browser(ruled(access)) as program:
        for name in ("", *USERS):
            headers = {}
            if name and USERS[name]:
                headers = {"authorization": f"Bearer {await token_for(access, name)}"}
            elif name:
                continue  # `nobody` has nothing to put into a token: see the test with sessions
            path = f"/api/x/{service}/{service}-1/{number}"
            answer = await program.client.get(path, headers=headers)
            wanted = 200 if name in expected else 403 if name else 401
            assert (name, answer.status_code) == (name, wanted)


async def test_who_may_not_look_is_not_told_what_there_is(access: Access) -> None:
    app = ruled(access)

    @app.exception_handler(RolloutNotFound)
    async def say(_: Request, error: RolloutNotFound) -> PlainTextResponse:
        return PlainTextResponse(error.hint, 404)

    number = list(WHO).index("viewer of its rollout")
    async with browser(app) as program:
        for name, hint in (("victor", "services: shop, pay"), ("olga", "")):
            headers = {"authorization": f"Bearer {await token_for(access, name)}"}
            answer = await program.client.get(f"/api/x/pay/nothing/{number}", headers=headers)
            assert (answer.status_code, answer.text) == (404, hint)


async def test_nothing_is_served_while_a_route_has_no_rule(guarded: House) -> None:
    async with browser(guarded.app) as visitor:
        assert (await visitor.get("/sign-in")).status_code == 200

        @guarded.app.get("/forgotten")
        async def forgotten() -> str:
            return "secrets"

        for path in ("/forgotten", "/sign-in"):
            answer = await visitor.get(path)
            assert answer.status_code == 500
            assert "secrets" not in answer.text


def test_a_route_has_exactly_one_rule_wherever_it_is_given() -> None:
    app = FastAPI(openapi_url=None)
    viewer, admin = requires(Role.VIEWER), requires(Role.ADMIN)

    async def route() -> None: ...

    inner = APIRouter(prefix="/inner", dependencies=[viewer])
    inner.add_api_route("/by-router", route)
    inner.add_api_route("/twice", route, dependencies=[admin])
    outer = APIRouter()
    outer.add_api_route("/by-route", route, dependencies=[admin])
    outer.add_api_route("/public", route, dependencies=[PUBLIC])
    outer.add_api_route("/none", route)
    outer.include_router(inner)
    app.include_router(outer)
    assert sorted(unruled(app.routes)) == ["/inner/twice", "/none"]
    assert rule_of(SimpleNamespace(dependencies=[viewer])) == Rule(Role.VIEWER)
    assert rule_of(SimpleNamespace(dependencies=[])) is None


async def test_a_session_without_a_role_sees_nothing(guarded: House) -> None:
    async with browser_of(guarded.app, guarded.access, "nobody") as nobody:
        for path in ("/", "/services/shop"):
            answer = await nobody.get(path)
            assert answer.status_code == 403
            assert "an admin can grant it" in answer.text.lower()


async def test_websockets_are_closed(guarded: House) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await guarded.app({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
