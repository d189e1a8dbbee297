"""Another site's page writes nothing with a visitor's cookie, and learns nothing."""

from dataclasses import dataclass, field

import pytest
from tests.guard.conftest import House, house
from tests.support.access import BASE, browser, browser_of, token_for

from chimera.app.access import Access

EVIL = "https://evil.example"


@dataclass
class Attempt:
    """A write with the cookie of a signed-in admin. csrf: "own" is the page's token."""

    csrf: str = "own"
    headers: dict[str, str] = field(default_factory=lambda: {"origin": BASE})


REFUSED = {
    "another site": Attempt(headers={"origin": EVIL}),
    "a null origin": Attempt(headers={"origin": "null"}),
    "another port": Attempt(headers={"origin": "http://127.0.0.1:9999"}),
    "another scheme": Attempt(headers={"origin": "https://127.0.0.1:8470"}),
    "a name that begins alike": Attempt(headers={"origin": f"{BASE}.evil.example"}),
    "an empty origin": Attempt(headers={"origin": ""}),
    "fetched by another site": Attempt(headers={"sec-fetch-site": "cross-site"}),
    "fetched by a sister": Attempt(headers={"sec-fetch-site": "same-site"}),
    "a link from another site": Attempt(headers={"referer": f"{EVIL}/{BASE}"}),
    "from nowhere": Attempt(headers={}),
    "no token": Attempt(csrf=""),
    "a made-up token": Attempt(csrf="x" * 43),
    "a token that is no ASCII": Attempt(csrf="\N{SNOWMAN}"),
}
ALLOWED = {
    "our page": Attempt(),
    "fetched by our page": Attempt(headers={"sec-fetch-site": "same-origin"}),
    "typed by hand": Attempt(headers={"sec-fetch-site": "none"}),
    "an old browser": Attempt(headers={"referer": f"{BASE}/services"}),
}


async def write(guarded: House, attempt: Attempt) -> int:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        csrf = ada.csrf if attempt.csrf == "own" else attempt.csrf
        answer = await ada.client.post("/settings", data={"csrf": csrf}, headers=attempt.headers)
        return answer.status_code


@pytest.mark.parametrize("name", REFUSED)
async def test_a_write_that_is_not_of_our_page_is_refused(guarded: House, name: str) -> None:
    assert await write(guarded, REFUSED[name]) == 403
    assert guarded.done == []


@pytest.mark.parametrize("name", ALLOWED)
async def test_a_write_of_our_page_is_done(guarded: House, name: str) -> None:
    assert await write(guarded, ALLOWED[name]) == 200
    assert guarded.done == ["settings"]


async def test_a_script_sends_the_token_in_a_header(guarded: House) -> None:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        headers = {"x-csrf-token": ada.csrf, "origin": BASE}
        answer = await ada.client.post("/settings", json={}, headers=headers)
        assert answer.status_code == 200
        # JSON without it, which a form of another site can imitate as text/plain.
        for kind in ("application/json", "text/plain"):
            answer = await ada.client.post(
                "/settings", content=b"{}", headers={"content-type": kind, "origin": BASE}
            )
            assert answer.status_code == 403
    assert guarded.done == ["settings"]


async def test_the_token_of_one_browser_is_nothing_in_another(guarded: House) -> None:
    async with (
        browser_of(guarded.app, guarded.access, "ada") as ada,
        browser_of(guarded.app, guarded.access, "ada") as other,
    ):
        await other.get("/")
        headers = {"origin": BASE}
        answer = await ada.client.post("/settings", data={"csrf": other.csrf}, headers=headers)
        assert answer.status_code == 403


async def test_a_bearer_token_needs_none_of_it(guarded: House) -> None:
    token = await token_for(guarded.access, "ada")
    async with browser(guarded.app) as program:
        for headers in ({}, {"origin": EVIL}):
            bearer = {"authorization": f"Bearer {token}", **headers}
            assert (await program.client.post("/api/settings", headers=bearer)).status_code == 200


async def test_a_bad_bearer_token_does_not_fall_back_to_the_cookie(guarded: House) -> None:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        headers = {"authorization": "Bearer chm_made_up"}
        for path in ("/settings", "/api/settings"):
            assert (await ada.client.post(path, headers=headers)).status_code == 401
    assert guarded.done == []


async def test_a_token_only_reads_on_the_pages(guarded: House) -> None:
    """There its owner makes tokens and sets a password: it would become more than it is."""
    bearer = {"authorization": f"Bearer {await token_for(guarded.access, 'ada')}"}
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await ada.client.request(method, "/settings", headers=bearer)
            assert answer.status_code in {401, 405}
        answer = await ada.client.post("/settings", headers=bearer)
        assert "tokens are for the API" in answer.text
        assert (await ada.client.get("/services/shop", headers=bearer)).status_code == 200
    assert guarded.done == []


async def test_another_site_cannot_sign_a_visitor_in(guarded: House) -> None:
    """Login CSRF: the victim would work in the attacker's account."""
    async with browser(guarded.app) as victim:
        form = {"name": "ada", "password": "x"}
        for headers in ({"origin": EVIL}, {"sec-fetch-site": "cross-site"}):
            answer = await victim.client.post("/sign-in", data=form, headers=headers)
            assert answer.status_code == 403


async def test_the_cookie_stays_at_home(access: Access) -> None:
    plain, secure = house(access), house(access, public_url="https://chimera.example")
    async with browser(plain.app) as visitor:
        cookie = (await visitor.get("/sign-in")).headers["set-cookie"]
        assert cookie.startswith("chimera=v.")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    async with browser(secure.app) as visitor:
        cookie = (await visitor.get("/sign-in")).headers["set-cookie"]
        assert cookie.startswith("__Host-chimera=v.")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")


async def test_no_other_origin_is_told_it_may_read(guarded: House) -> None:
    async with browser(guarded.app) as visitor:
        asks = {"origin": EVIL, "access-control-request-method": "POST"}
        answer = await visitor.client.request("OPTIONS", "/settings", headers=asks)
        assert not [name for name in answer.headers if name.startswith("access-control")]
