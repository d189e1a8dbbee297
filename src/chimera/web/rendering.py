"""Templates to responses: one environment, everything escaped, nothing undefined."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from chimera import __version__, guard
from chimera.core.access import EVERYTHING, Role
from chimera.core.banner import capital
from chimera.core.words import count, duration, harmless, percent
from chimera.web.static import assets

THEME_COOKIE = "theme"
THEMES = ("", "light", "dark")
WORTH_ZIPPING = 1_000


@cache
def environment() -> Environment:
    """Return the one environment of all pages."""
    made = Environment(
        loader=PackageLoader("chimera.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters.update(
        duration=duration,
        percent=percent,
        count=count,
        iso=lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
        moment=lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M}",
        clock=lambda at: f"{at.astimezone(UTC):%H:%M:%S}",
        code=_with_code,
        sentence=lambda text: f"{capital(text)}." if text else "",
    )
    made.globals.update(asset=lambda name: assets().url(name), version=__version__)
    return made


def page(
    request: Request,
    template: str,
    *,
    nav: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """Answer with a page or a part of one. nav: the name in the top bar that it belongs to."""
    who = guard.signed_in(request)

    def may(role: str, service: str = "") -> bool:
        if who is None:
            return False
        if service == EVERYTHING:
            return who.may(Role(role))
        return who.may(Role(role), service) if service else who.may_somewhere(Role(role))

    known = {
        "principal": who,
        "may": may,
        "csrf": guard.csrf_token(request),
        "theme": theme_of(request),
        "nav": nav,
        "here": request.url.path,
        "now": datetime.now(UTC),
    }
    text = environment().get_template(template).render({**known, **context})
    return html(request, text, status, headers)


def html(
    request: Request, text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with HTML that nobody keeps, zipped to whoever can unzip it."""
    content = text.encode()
    sent = {"Cache-Control": "no-store", "Vary": "Accept-Encoding", **(headers or {})}
    if len(content) > WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, compresslevel=5)
        sent["Content-Encoding"] = "gzip"
    return Response(content, status, sent, media_type="text/html")


def theme_of(request: Request) -> str:
    """Return the colours that the reader has chosen, "" for the system's."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def _with_code(text: str) -> Markup:
    """Show what stands between backticks as code, all of it escaped."""
    if isinstance(text, Markup):
        return text
    parts = harmless(text, keep="\n\t").split("`")
    if len(parts) % 2 == 0:  # one backtick without its other half is a backtick
        return escape("`".join(parts))
    pieces = (
        Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts)
    )
    return Markup("").join(pieces)


def _shown(value: Any) -> Any:
    """Keep what could turn text around or hide it from reaching a page."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return harmless(value, keep="\n\t")
    return value
