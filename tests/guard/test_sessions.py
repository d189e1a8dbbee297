"""Signing in by the browser: links, sessions, rotation, sign-out."""

from datetime import timedelta

from tests.guard.conftest import House
from tests.support.access import TEST, browser, browser_of

MINUTE = timedelta(minutes=1)


async def test_a_page_leads_to_sign_in_and_back(guarded: House) -> None:
    async with browser(guarded.app) as visitor:
        led = await visitor.get("/services/shop?x=1")
        assert led.status_code == 303
        assert led.headers["location"] == "/sign-in?next=%2Fservices%2Fshop%3Fx%3D1"
        code = await guarded.access.sessions.make_link("olga", valid=MINUTE, by=TEST)
        await visitor.get("/sign-in")
        done = await visitor.post("/sign-in", {"code": code, "next": "/services/shop?x=1"})
        assert (done.status_code, done.headers["location"]) == (303, "/services/shop?x=1")
        assert (await visitor.get("/services/shop")).status_code == 200
        assert (await visitor.get("/services/pay")).status_code == 403


async def test_a_link_signs_in_once(guarded: House) -> None:
    code = await guarded.access.sessions.make_link("ada", valid=MINUTE, by=TEST)
    for expected in ("/", "/sign-in?problem=link"):
        async with browser(guarded.app) as visitor:
            await visitor.get("/sign-in")
            done = await visitor.post("/sign-in", {"code": code})
            assert done.headers["location"] == expected


async def test_signing_in_replaces_what_the_browser_had(guarded: House) -> None:
    async with browser(guarded.app) as victim:
        await victim.get("/sign-in")
        planted = victim.client.cookies["chimera"]
        code = await guarded.access.sessions.make_link("ada", valid=MINUTE, by=TEST)
        await victim.post("/sign-in", {"code": code})
        assert victim.client.cookies["chimera"] != planted
        assert (await victim.get("/")).text.endswith("ada")
    async with browser(guarded.app) as attacker:
        attacker.client.cookies.set("chimera", planted, domain="127.0.0.1", path="/")
        assert (await attacker.get("/")).status_code == 303


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(guarded: House) -> None:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        kept = ada.client.cookies["chimera"]
        done = await ada.post("/sign-out")
        assert done.headers["location"] == "/sign-in"
        assert (await ada.get("/")).status_code == 303
        ada.client.cookies.set("chimera", kept, domain="127.0.0.1", path="/")
        assert (await ada.get("/")).status_code == 303
