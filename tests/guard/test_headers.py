"""The headers of every answer, whatever it is, and what an unforeseen error shows."""

import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.guard.conftest import House
from tests.support.access import TEST, browser, browser_of

from chimera.guard.headers import CSP, REPORT_CSP

ANSWERS = {
    "a page": ("GET", "/sign-in", {}, 200),
    "the way to sign in": ("GET", "/", {"accept": "text/html"}, 303),
    "not signed in": ("GET", "/", {"accept": "application/json"}, 401),
    "no such page": ("GET", "/nothing", {}, 404),
    "no such method": ("DELETE", "/sign-in", {}, 405),
    "another host": ("GET", "/", {"host": "evil.example"}, 421),
    "another site": ("POST", "/settings", {"origin": "https://evil.example"}, 403),
    "too large": ("POST", "/echo", {"content-length": "9999999"}, 413),
    "broken": ("GET", "/broken", {}, 500),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_has_them(guarded: House, name: str) -> None:
    method, path, headers, status = ANSWERS[name]
    async with browser(guarded.app) as visitor:
        answer = await visitor.client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("policy", [CSP, REPORT_CSP])
def test_the_policies_let_no_script_in(policy: str) -> None:
    rules = dict(one.strip().partition(" ")[::2] for one in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules.get("script-src", "'none'") in {"'self'", "'none'"}
    assert "unsafe-eval" not in policy
    assert ("script-src" in rules) is ("sandbox" not in rules)


async def test_an_unforeseen_error_shows_nothing_and_is_logged(
    guarded: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with browser(guarded.app) as visitor:
        for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
            answer = await visitor.client.get("/broken", headers={"accept": accept})
            assert answer.status_code == 500
            assert answer.headers["content-type"].startswith(kind)
            assert "ZeroDivisionError" not in answer.text
            assert "canary" not in answer.text
            assert "Traceback" not in answer.text
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == [
        "guard.unforeseen",
        "guard.unforeseen",
    ]


async def test_without_the_database_nobody_is_let_in_and_nothing_is_given_away(
    guarded: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
            ledger.execute("ALTER TABLE sessions RENAME TO gone")
        answer = await ada.get("/")
    assert answer.status_code == 503
    assert "database" in answer.text
    assert str(tmp_path) not in answer.text
    assert "guard.no_store" in [one.message for one in caplog.records]


async def test_a_refusal_repeats_nothing_unescaped(guarded: House) -> None:
    hostile = "<script>alert(1)</script>"
    async with browser(guarded.app) as visitor:
        for path in (f"/sign-in?problem={hostile}", f"/nothing/{hostile}", f"/?next={hostile}"):
            answer = await visitor.get(path)
            assert hostile not in answer.text
            assert "<" not in answer.headers.get("location", "")


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/x\r\nset-cookie: chimera=planted",
        "evil",
        "",
    ],
)
async def test_signing_in_leads_to_this_site_only(guarded: House, onward: str) -> None:
    code = await guarded.access.sessions.make_link("ada", valid=timedelta(minutes=1), by=TEST)
    async with browser(guarded.app) as visitor:
        await visitor.get("/sign-in")
        done = await visitor.post("/sign-in", {"code": code, "next": onward})
        assert done.headers["location"] == "/"
