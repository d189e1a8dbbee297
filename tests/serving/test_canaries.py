"""Secrets are seeded everywhere, everything is used, and then they are looked for everywhere."""

import logging
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from tests.support.access import TEST
from tests.support.scripted import Script, record
from tests.support.served import Served, served
from tests.support.stories import Story, baking

from chimera.app.access import Access
from chimera.app.access.vault import Vault
from chimera.app.reports import PlanReport
from chimera.core.access import Role
from chimera.core.model import Revision

PASSWORD = "canary-password-of-ada"
WRONG = "canary-password-mistyped"
HOOK = "canary-hook-secret"
VARIABLE = "canary-value-of-a-variable"
TYPED = "canary-value-that-was-typed"
KEY = "canary-key-" + "k" * 32
SPEC = f"""\
version: 1
service: safe
target: {{platform: local, port: 8080, command: "app {{port}}", env: {{API_TOKEN: {VARIABLE}}}}}
strategy: fast
"""
HTML = {"accept": "text/html"}
CSRF = re.compile(r'name="csrf"[^>]*(?:value|content)="([^"]+)"')
# What a page may show or set: the session in its cookie, a form's token in the form.
PAGES = (
    "/",
    "/sign-in",
    "/history",
    "/services",
    "/settings",
    "/settings/tokens",
    "/settings/users",
    "/settings/secrets",
    "/settings/audit",
    "/services/safe",
    "/practice",
    "/setup",
    "/rollouts/logo",
    "/rollouts/safe-1",
    "/rollouts/safe-1/report.html",
    "/rollouts/safe-1/report.json",
    "/api/v1/rollouts",
    "/api/v1/rollouts/safe-1",
    "/api/v1/users",
    "/api/v1/tokens",
    "/api/v1/openapi.json",
    "/metrics",
    "/nothing/here",
)


@dataclass
class Seen:
    """Everything that left the server, and every URL that was asked."""

    answers: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)

    async def note(self, response: httpx.Response) -> None:
        await response.aread()
        self.urls.append(str(response.request.url))
        headers = [f"{key}: {value}" for key, value in response.headers.multi_items()]
        self.cookies += [one for one in headers if one.startswith("set-cookie")]
        shown = [one for one in headers if not one.startswith("set-cookie")]
        self.answers.append("\n".join([*shown, response.text]))


async def seed(one: Served, access: Access) -> dict[str, str]:
    """Put a secret wherever one may be; return them by what they are."""
    await access.users.set_password("ada", PASSWORD, by=TEST)
    settings = replace(access.settings, secret_keys=(SecretStr(KEY),))
    await Vault(access.documents, settings).put("hook", SecretStr(HOOK), owner="ada")
    rollout = baking().rollout
    env = {"env": {"API_TOKEN": VARIABLE}}
    safe = replace(
        rollout,
        id="safe-1",
        service=replace(rollout.service, name="safe", settings=env),
        canary=Revision("2", settings=env),
        spec=SPEC,
    )
    await record(one.chimera._store, baking())
    await record(one.chimera._store, Story(safe))
    token, _ = await access.tokens.create(
        "ada", "ci", {"*": Role.ADMIN}, valid=timedelta(days=1), by=TEST
    )
    link = await access.sessions.make_link("otto", valid=timedelta(hours=1), by=TEST)
    return {"token": token.rpartition("_")[2], "link": link}


async def use(one: Served, seen: Seen, secrets: dict[str, str], token: str) -> None:
    """Sign in in every way, read everything, and make it fail."""
    async with httpx.AsyncClient(base_url=one.url, event_hooks={"response": [seen.note]}) as page:
        for form in (
            {"name": "ada", "password": WRONG},
            {"code": secrets["link"]},
            {"code": secrets["link"]},
            {"name": "ada", "password": PASSWORD},
        ):
            page.cookies.clear()
            shown = await page.get("/sign-in", headers={"accept": "text/html"})
            found = CSRF.search(shown.text)
            csrf = {"csrf": found[1]} if found else {}
            await page.post("/sign-in", data={**form, **csrf}, headers={"origin": one.url})
        await go_through_the_wizard(one, page)
        async with httpx.AsyncClient(base_url=one.url, cookies=page.cookies) as watching:
            for path in ("/live", "/rollouts/safe-1/live"):
                await first_message(watching, path, seen)
        bearer = {"authorization": f"Bearer {token}"}
        for path in PAGES:
            for headers in ({"accept": "text/html"}, {**bearer, "accept": "*/*"}):
                await page.get(path, headers=headers)
        await page.get("/api/v1/rollouts", headers={"authorization": f"Bearer x{token}"})
        await page.post("/api/v1/rollouts", json={"spec": VARIABLE}, headers=bearer)
        one.app.state.chimera.history_for = _broken
        broken = await page.get("/api/v1/rollouts", headers=bearer)
        assert broken.status_code == 500, broken.text
    async with one.client() as client:
        for path in ("/api/v1/stream", "/api/v1/rollouts/safe-1/stream"):
            await first_message(client, path, seen)


async def go_through_the_wizard(one: Served, page: httpx.AsyncClient) -> None:
    """Answer every question for the service whose spec has a secret, and change it at the end."""
    asked = await page.get("/new?service=safe", follow_redirects=True, headers=HTML)
    draft = str(asked.url).rpartition("/")[0]
    typed = SPEC.replace(VARIABLE, TYPED)
    for step, form in (
        ("version", {"version": "3"}),
        ("limits", {"strategy": "fast", "error_rate": "1%"}),
        ("review", {"do": "rewrite", "spec": "not: [a spec"}),
        ("review", {"do": "rewrite", "spec": typed}),
    ):
        shown = await page.get(f"{draft}/{step}", headers=HTML)
        found = CSRF.search(shown.text)
        assert found, shown.text
        sent = {"csrf": found[1], **form}
        await page.post(f"{draft}/{step}", data=sent, headers={**HTML, "origin": one.url})
    for step in ("where", "service", "version", "limits", "review"):
        assert (await page.get(f"{draft}/{step}", headers=HTML)).status_code == 200


async def first_message(client: httpx.AsyncClient, path: str, seen: Seen) -> None:
    """Read a stream until something came of it."""
    async with client.stream("GET", path) as stream:
        assert stream.status_code == 200, path
        async for line in stream.aiter_lines():
            seen.answers.append(line)
            if line.startswith("data:") and len(line) > 100:
                break


def _plan() -> PlanReport:
    """A plan of the service whose spec has a secret."""
    rollout = baking().rollout
    env = {"env": {"API_TOKEN": VARIABLE}}
    service = replace(rollout.service, name="safe", settings=env)
    return PlanReport(replace(rollout, service=service, spec=SPEC), (), ())


async def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("the database answered oddly")


def logged(caplog: pytest.LogCaptureFixture) -> str:
    form = logging.Formatter()
    lines = [f"{form.format(one)} {one.__dict__}" for one in caplog.records]
    return "\n".join(lines)


async def test_no_secret_is_where_it_does_not_belong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    seen = Seen()
    async with served(tmp_path, Script(plan=_plan())) as one:
        secrets = await seed(one, one.access)
        token = await _whole(one.access, secrets)
        await use(one, seen, secrets, token)
        trail = [repr(entry) for entry in await one.access.audit.entries(limit=1000)]
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        tables = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master")]
        dump = "\n".join(ledger.iterdump())
    sessions = {one.split("=", 1)[1].split(";")[0] for one in seen.cookies}
    hidden = {
        **secrets,
        **{f"session {n}": value for n, value in enumerate(sessions) if len(value) > 10},
        "password": PASSWORD,
        "mistyped password": WRONG,
        "hook": HOOK,
        "variable": VARIABLE,
        "typed variable": TYPED,
        "key": KEY,
    }
    assert {"users", "sessions", "documents", "trail"} <= set(tables)
    assert len(hidden) >= 9
    places = {
        "an answer": "\n".join(seen.answers),
        "a URL": "\n".join(seen.urls),
        "a log line": logged(caplog),
        "the audit trail": "\n".join(trail),
        "the database": "\n".join(
            line for line in dump.splitlines() if not line.startswith('INSERT INTO "rollouts"')
        ),
    }
    # It was all really used: two sign-ins, pages, the stream, and the error.
    ways = [one for one in trail if "'sign-in'" in one and "'done'" in one]
    assert [("password" in one, "link" in one) for one in ways] == [(True, False), (False, True)]
    for sign in ("safe-1", "API_TOKEN", "data:", "The same as a file and a command"):
        assert sign in places["an answer"]
    assert "the database answered oddly" in places["a log line"]
    found = [(name, at) for name, text in hidden.items() for at in places if text in places[at]]
    assert found == []


async def _whole(access: Access, secrets: dict[str, str]) -> str:
    (view,) = [one for one in await access.tokens.all("ada") if one.name == "ci"]
    return f"chm_{view.id}_{secrets['token']}"
