"""Signing in at a provider that tells the truth, and at one that lies in every way."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from tests.guard.conftest import House, house
from tests.support.access import TEST, USERS, Browser, access_at, access_with_users, browser
from tests.support.idp import CLIENT, CLIENT_SECRET, Idp, running_idp

from chimera.app.doors import OidcSettings
from chimera.core.access import Role
from chimera.core.errors import NotAllowed

REFUSED = "/sign-in?problem=oidc"


@dataclass
class Place:
    idp: Idp
    house: House


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        idp = await stack.enter_async_context(running_idp())
        oidc = OidcSettings(
            issuer=idp.issuer,
            client_id=CLIENT,
            client_secret=SecretStr(CLIENT_SECRET),
            roles={"sre": {"shop": Role.OPERATOR}, "staff": {"*": Role.VIEWER}},
        )
        settings = access_at(tmp_path, oidc=oidc)
        access = await stack.enter_async_context(access_with_users(settings))
        yield Place(idp, house(access))


async def begin(visitor: Browser, onward: str = "/") -> dict[str, str]:
    """Click the button; return what the provider is asked."""
    led = await visitor.get(f"/sign-in/oidc?next={onward}")
    assert led.status_code == 303
    query = parse_qs(urlsplit(led.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


async def come_back(visitor: Browser, **query: str) -> str:
    """Return from the provider; the path that it leads to."""
    done = await visitor.get("/sign-in/oidc/callback", params=query)
    if done.status_code == 303:
        return str(done.headers["location"])
    assert done.status_code == 200
    return done.text.partition("url=")[2].partition('"')[0]


async def sign_in(place: Place, visitor: Browser, onward: str = "/") -> str:
    asked = await begin(visitor, onward)
    return await come_back(visitor, code=place.idp.approve(asked), state=asked["state"])


async def test_who_proves_it_is_signed_in_and_gets_what_the_groups_grant(place: Place) -> None:
    place.idp.claims = {"groups": ["sre", "chess"]}
    async with browser(place.house.app) as visitor:
        assert await sign_in(place, visitor, "/services/shop") == "/services/shop"
        cookies = {cookie.name: cookie for cookie in visitor.client.cookies.jar}
        assert "chimera-flow" not in cookies
        assert (await visitor.get("/services/shop")).status_code == 200
        assert (await visitor.get("/services/pay")).status_code == 403
    grace = await place.house.access.users.get("grace")
    assert (grace.external, dict(grace.grants)) == (True, {"shop": Role.OPERATOR})


async def test_groups_that_were_left_are_gone_at_the_next_sign_in(place: Place) -> None:
    for groups, granted in (["sre", "staff"], {"shop", "*"}), (["staff"], {"*"}), ([], set()):
        place.idp.claims = {"groups": groups}
        async with browser(place.house.app) as visitor:
            await sign_in(place, visitor)
        grace = await place.house.access.users.get("grace")
        assert set(grace.grants) == granted


NOW = int(time.time())
LIES: dict[str, tuple[dict[str, Any], str]] = {
    "alg none": ({"algorithm": "none"}, "UnsupportedAlgorithm"),
    "the public key as a secret": ({"algorithm": "HS256"}, "UnsupportedAlgorithm"),
    "another key": ({"stranger": True}, "BadSignature"),
    "another issuer": ({"claims": {"iss": "https://evil.example"}}, "InvalidClaim"),
    "another audience": ({"claims": {"aud": "somebody-else"}}, "InvalidClaim"),
    "meant for another": ({"claims": {"aud": [CLIENT, "other"], "azp": "other"}}, "InvalidClaim"),
    "expired": ({"claims": {"exp": NOW - 3600, "iat": NOW - 7200}}, "ExpiredToken"),
    "no expiry": ({"claims": {"exp": None}}, "MissingClaim"),
    "of tomorrow": ({"claims": {"iat": NOW + 86_400, "nbf": NOW + 86_400}}, "InvalidClaim"),
    "another nonce": ({"claims": {"nonce": "of-another-sign-in"}}, "InvalidClaim"),
    "no nonce": ({"claims": {"nonce": None}}, "MissingClaim"),
    "no subject": ({"claims": {"sub": None}}, "MissingClaim"),
    "a local user's name": ({"claims": {"preferred_username": "ada"}}, "a local user"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_signs_nobody_in(place: Place, lie: str) -> None:
    told, reason = LIES[lie]
    for name, value in told.items():
        setattr(place.idp, name, value)
    async with browser(place.house.app) as visitor:
        assert await sign_in(place, visitor) == REFUSED
        assert (await visitor.get("/")).status_code == 303
    noted, *_ = await place.house.access.audit.entries()
    assert (noted.action, noted.outcome) == ("sign-in", "refused")
    assert reason in noted.detail
    assert {user.name for user in await place.house.access.users.all()} == set(USERS)


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/token"}],
    ids=["another issuer", "an endpoint in the clear"],
)
async def test_a_lie_about_itself_is_not_followed(place: Place, metadata: dict[str, str]) -> None:
    place.idp.metadata = metadata
    async with browser(place.house.app) as visitor:
        led = await visitor.get("/sign-in/oidc")
        assert led.headers["location"] == REFUSED


@pytest.mark.parametrize(
    "inside",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/latest/meta-data/",
        "https://10.0.0.1/token",
        "http://localhost:{port}/token",  # another name than the operator's for the same place
    ],
)
@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri"])
async def test_its_documents_lead_nowhere_inside(place: Place, endpoint: str, inside: str) -> None:
    place.idp.metadata = {endpoint: inside.format(port=place.idp.port)}
    async with browser(place.house.app) as visitor:
        assert await sign_in(place, visitor) == REFUSED
    noted, *_ = await place.house.access.audit.entries()
    assert "CHIMERA_PRIVATE_HOSTS" in noted.detail
    assert len(place.idp.asked) == (endpoint == "jwks_uri")


async def test_a_host_that_the_operator_names_may_be_inside(tmp_path: Path) -> None:
    async with running_idp() as idp:
        idp.metadata = {"token_endpoint": f"http://localhost:{idp.port}/token"}
        oidc = OidcSettings(
            issuer=idp.issuer,
            client_id=CLIENT,
            client_secret=SecretStr(CLIENT_SECRET),
            private_hosts=(f"localhost:{idp.port}",),
        )
        async with access_with_users(access_at(tmp_path, oidc=oidc)) as access:
            named = Place(idp, house(access))
            async with browser(named.house.app) as visitor:
                assert await sign_in(named, visitor) == "/"


async def test_the_way_back_works_once(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        asked = await begin(visitor)
        flow = visitor.client.cookies["chimera-flow"]
        code = place.idp.approve(asked)
        assert await come_back(visitor, code=code, state=asked["state"]) == "/"
        for again in (code, place.idp.approve(asked)):
            visitor.client.cookies.set("chimera-flow", flow, domain="127.0.0.1", path="/")
            assert await come_back(visitor, code=again, state=asked["state"]) == REFUSED
    assert len(place.idp.asked) == 1


async def test_the_way_back_works_in_the_browser_that_began(place: Place) -> None:
    async with browser(place.house.app) as attacker, browser(place.house.app) as victim:
        asked = await begin(attacker)
        code = place.idp.approve(asked)
        assert await come_back(victim, code=code, state=asked["state"]) == REFUSED
        await begin(victim)
        assert await come_back(victim, code=code, state=asked["state"]) == REFUSED
        assert (await victim.get("/")).status_code == 303
    assert place.idp.asked == []


async def test_a_code_of_another_sign_in_is_refused(place: Place) -> None:
    async with browser(place.house.app) as attacker, browser(place.house.app) as victim:
        code = place.idp.approve(await begin(attacker))
        mine = await begin(victim)
        assert await come_back(victim, code=code, state=mine["state"]) == REFUSED


async def test_another_provider_s_answer_is_refused(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        asked = await begin(visitor)
        back = {"code": place.idp.approve(asked), "state": asked["state"]}
        assert await come_back(visitor, **back, iss="https://evil.example") == REFUSED


async def test_a_refusal_over_there_leads_back(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        asked = await begin(visitor)
        found = await come_back(visitor, error="access_denied", state=asked["state"])
        assert found == REFUSED


async def test_the_flow_s_cookie_is_lax_short_and_hidden_from_scripts(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        led = await visitor.get("/sign-in/oidc")
        cookie = led.headers["set-cookie"]
        assert cookie.startswith("chimera-flow=")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600")


async def test_a_disabled_user_stays_out(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        await sign_in(place, visitor)
        await place.house.access.users.set_disabled("grace", disabled=True, by=TEST)
        assert await sign_in(place, visitor) == REFUSED


async def test_new_keys_of_the_provider_are_fetched(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        assert await sign_in(place, visitor) == "/"
        place.idp.key = RSAKey.generate_key(2048, {"kid": "k2"})
        assert await sign_in(place, visitor) == "/"


async def test_who_comes_from_the_provider_gets_no_password_here(place: Place) -> None:
    async with browser(place.house.app) as visitor:
        await sign_in(place, visitor)
    users, long = place.house.access.users, "correct horse battery"
    with pytest.raises(NotAllowed, match="signs in at the provider"):
        await users.change_password("grace", "", long, by=TEST)
    for refused in (
        users.set_password("grace", long, by=TEST),
        users.change("grace", password=long, by=TEST),
    ):
        with pytest.raises(NotAllowed, match="signs in at the provider"):
            await refused
    assert not (await users.get("grace")).has_password
