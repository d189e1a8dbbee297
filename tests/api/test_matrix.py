"""Every route x every role: what was agreed, which is written down here, is what happens."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.support.access import TEST, USERS, Browser, browser_of
from tests.support.golden import check_golden
from tests.support.served import Served

from chimera.core.access import Role
from chimera.guard import rule_of
from chimera.guard.rules import unruled

AGREED = Path(__file__).parent / "golden" / "rules.txt"
# Beside the USERS, who hold their roles on everything or on another service: one of this service.
LENA: dict[str, Mapping[str, Role]] = {"lena": {"logo": Role.OPERATOR}}
WHO = {**USERS, **LENA}
FILLED = {"ref": "logo", "service": "logo", "name": "otto", "step": "where", "verb": "pause"}
# What would start or end something if it were let through.
NOT_ASKED = {"POST /practice", "POST /practice/end"}


@dataclass(frozen=True)
class Agreed:
    """role: "public" or the least that is needed. scope: "any", "all" or what names a service."""

    method: str
    path: str
    role: str
    scope: str

    def allows(self, grants: Mapping[str, Role] | None) -> bool:
        """Whether somebody with these grants is let through to the logo service; None is nobody."""
        if self.role == "public" or grants is None:
            return self.role == "public"
        if self.scope == "any":
            held = list(grants.values())
        else:
            named = ["*"] if self.scope == "all" else ["*", "logo"]
            held = [grants[one] for one in named if one in grants]
        return any(one.includes(Role(self.role)) for one in held)

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def address(self) -> str:
        path = self.path
        for parameter, value in FILLED.items():
            path = path.replace(f"{{{parameter}}}", value)
        return path.replace("{", "").replace("}", "")


def agreed() -> Iterator[Agreed]:
    """Read the list."""
    for line in AGREED.read_text().splitlines():
        yield Agreed(*line.split())


def rules(app: FastAPI) -> Iterator[str]:
    """Yield a line of the list for each route that is served."""
    for route in iter_route_contexts(list(app.routes)):
        rule = rule_of(route)
        path = str(getattr(route, "path", ""))
        assert rule is not None, f"{path or route} has no rule"
        everything = rule.service == "*" or rule.role is Role.ADMIN
        scope = "-" if rule.role is None else "all" if everything else rule.service or "any"
        for method in sorted(getattr(route, "methods", None) or ()):
            role = rule.role.value if rule.role else "public"
            yield f"{method:<7}{path:<50}{role:<9}{scope}"


async def test_the_rules_are_those_that_were_agreed(one: Served) -> None:
    check_golden(AGREED, "\n".join(sorted(rules(one.app))))


async def test_the_api_lets_tokens_through_as_agreed(one: Served) -> None:
    await _add_lena(one)
    for name in ("", *(name for name, grants in WHO.items() if grants)):
        async with one.client(name) as client:
            for route in filter(lambda route: route.is_api, agreed()):
                if name == "ada" and route.role != "admin":
                    continue  # whoever operates everything was let through before
                status, _ = await _ask(client, route)
                refused = status == (403 if name else 401)
                assert refused is not route.allows(WHO[name] if name else None), (name, route)


async def test_the_pages_let_people_through_as_agreed(one: Served) -> None:
    await _add_lena(one)
    for name in WHO:
        async with _signed_in(one, name) as person:
            for route in filter(lambda route: not route.is_api, agreed()):
                await _enter(person, name, route)


async def _enter(person: Browser, name: str, route: Agreed) -> None:
    allowed, posted = route.allows(WHO[name]), route.method == "POST"
    if allowed and f"{route.method} {route.path}" in NOT_ASKED:
        return
    if posted and route.role == "public":
        return  # which would end the session
    form = {"csrf": person.csrf} if posted else None
    status, text = await _ask(person.client, route, data=form)
    assert (status == 403) is not allowed, (name, route, status)
    assert status != 401, (name, route)
    # Refused by the rule, and not because a form was out of date.
    assert allowed or "is not" in text, (name, route, text)


async def test_the_pages_are_shut_to_nobody_and_to_what_a_token_would_do(one: Served) -> None:
    for name in ("", "ada"):
        async with one.client(name) as client:
            for route in filter(lambda route: not route.is_api, agreed()):
                if route.role == "public" or (name and route.method == "GET"):
                    continue
                status, _ = await _ask(client, route)
                assert status == 401, (name, route)


async def _add_lena(one: Served) -> None:
    await one.access.users.add("lena", LENA["lena"], by=TEST)
    day = timedelta(days=1)
    one.tokens["lena"], _ = await one.access.tokens.create(
        "lena", "test", LENA["lena"], valid=day, by=TEST
    )


@asynccontextmanager
async def _signed_in(one: Served, name: str) -> AsyncIterator[Browser]:
    """Give somebody's browser over real HTTP: only that leaves a stream before its end."""
    async with browser_of(one.app, one.access, name) as inside:
        cookies = inside.client.cookies
    headers = {"origin": one.url}
    async with httpx.AsyncClient(base_url=one.url, cookies=cookies, headers=headers) as client:
        person = Browser(client)
        await person.get("/")
        yield person


async def _ask(
    client: httpx.AsyncClient, route: Agreed, data: dict[str, str] | None = None
) -> tuple[int, str]:
    """Return status and text; of a stream the status alone, without waiting for its end."""
    headers = {"accept": "application/json"}
    asking = client.stream(route.method, route.address, headers=headers, data=data)
    async with asking as answer:
        stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        return answer.status_code, "" if stream else (await answer.aread()).decode(errors="replace")


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
