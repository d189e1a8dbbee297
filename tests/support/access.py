"""Access over a store of its own, with a user of each role, and a browser-like client."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from chimera.app.access import Access, Actor, open_access
from chimera.app.doors import AccessSettings
from chimera.app.settings import Settings
from chimera.core.access import Role

BASE = "http://127.0.0.1:8470"
PASSWORD = "correct horse battery"
TEST = Actor("test", "cli")
# name: what it is granted. `nobody` may sign in and do nothing; `olga` operates one service.
USERS = {
    "victor": {"*": Role.VIEWER},
    "otto": {"*": Role.OPERATOR},
    "ada": {"*": Role.ADMIN},
    "olga": {"shop": Role.OPERATOR},
    "nobody": {},
}


def access_at(home: Path, **options: Any) -> Settings:
    """Return settings whose data, key included, is in `home`. options: of AccessSettings."""
    return Settings(home=home, signing_in=AccessSettings(key_file=home / "secret.key", **options))


_TEMPLATE: list[bytes] = []


@asynccontextmanager
async def access_with_users(
    settings: Settings | Path, *, passwords: bool = False
) -> AsyncIterator[Access]:
    """Open Access with the USERS; with `passwords` each has PASSWORD, which takes a second."""
    chosen = access_at(settings) if isinstance(settings, Path) else settings
    if not chosen.database_url and not passwords:
        await _copy_template(chosen.home)
    async with open_access(chosen) as access:
        known = {user.name for user in await access.users.all()}
        for name, grants in USERS.items():
            if name not in known:
                word = PASSWORD if passwords else ""
                await access.users.add(name, grants, password=word, by=TEST)
        yield access


async def _copy_template(home: Path) -> None:
    """Put a ledger with the USERS into an empty folder: to migrate one takes half a second."""
    if not _TEMPLATE:
        with tempfile.TemporaryDirectory() as folder:
            made = Settings(home=Path(folder))
            async with open_access(made) as access:
                for name, grants in USERS.items():
                    await access.users.add(name, grants, by=TEST)
            _TEMPLATE.append((made.home / "ledger.db").read_bytes())
    _put(home, _TEMPLATE[0])


def _put(home: Path, ledger: bytes) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "ledger.db").exists():
        (home / "ledger.db").write_bytes(ledger)


async def token_for(access: Access, name: str) -> str:
    """Return an API token with all that a user of USERS is granted."""
    day = timedelta(days=1)
    token, _ = await access.tokens.create(name, "test", USERS[name], valid=day, by=TEST)
    return token


@dataclass
class Browser:
    """A client that behaves like a browser: cookies, Origin, the CSRF token of the last page."""

    client: httpx.AsyncClient
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page, and remember its `<meta name="csrf">`."""
        headers = {"accept": "text/html", **self.headers, **options.pop("headers", {})}
        response = await self.client.get(path, headers=headers, **options)
        found = re.search(r'<meta name="csrf" content="([^"]+)"', response.text)
        self.csrf = found[1] if found else self.csrf
        return response

    async def post(self, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """Send a form with the CSRF token."""
        headers = {"accept": "text/html", "origin": BASE, **self.headers}
        form = {"csrf": self.csrf, **(data or {})}
        return await self.client.post(path, data=form, headers=headers)


@asynccontextmanager
async def browser(app: FastAPI, source: str = "127.0.0.1") -> AsyncIterator[Browser]:
    """Give a browser at an address, talking to the application in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True, client=(source, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Browser(client)


@asynccontextmanager
async def browser_of(app: FastAPI, access: Access, name: str) -> AsyncIterator[Browser]:
    """Give a browser in which a user of USERS is signed in by a one-time link."""
    async with browser(app) as one:
        code = await access.sessions.make_link(name, valid=timedelta(minutes=5), by=TEST)
        secret = await access.sessions.sign_in_by_link(code, source="127.0.0.1")
        one.client.cookies.set("chimera", secret, domain="127.0.0.1", path="/")
        yield one
