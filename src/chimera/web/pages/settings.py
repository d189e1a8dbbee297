"""Settings: one's own account and tokens; for admins users, secrets and the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from chimera import guard
from chimera.app.access import Access
from chimera.core.access import Role, format_grants, parse_grants
from chimera.core.errors import ChimeraError, SpecError
from chimera.guard import requires
from chimera.guard.caller import caller_of
from chimera.web.rendering import page

AUDIT_PAGE = 50
DAYS = ("7", "30", "90", "365")
LINK_VALID = timedelta(days=1)

router = APIRouter(include_in_schema=False)
MINE = [requires(Role.VIEWER)]
ADMIN = [requires(Role.ADMIN)]


def _shown(request: Request, tab: str, status: int = 200, **context: Any) -> Response:
    return page(
        request,
        f"settings_{tab}.html",
        nav="Settings",
        status=status,
        tab=tab,
        **{"problem": "", "hint": "", "done": "", **context},
    )


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


# One's own account


@router.get("/settings", dependencies=MINE)
async def account(request: Request) -> Response:
    """Show who one is and what one may do."""
    return await _account(request)


async def _account(request: Request, status: int = 200, **said: str) -> Response:
    who = guard.principal(request)
    user = await _access(request).users.get(who.account)
    return _shown(request, "account", status, user=user, grants=format_grants(who.grants), **said)


@router.post("/settings/password", dependencies=MINE)
async def password(
    request: Request,
    old: Annotated[str, Form(max_length=1_000)] = "",
    new: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Change one's own password; all other sessions end."""
    session = caller_of(request.scope).session
    try:
        await _access(request).users.change_password(
            guard.principal(request).account,
            old,
            new,
            by=guard.actor(request),
            keep=session.id if session else "",
        )
    except ChimeraError as error:
        return await _account(request, 400, problem=str(error), hint=error.hint)
    return await _account(request, done="The password is changed; other sessions have ended.")


# Tokens


@router.get("/settings/tokens", dependencies=MINE)
async def tokens(request: Request) -> Response:
    """List one's own tokens."""
    return await _tokens(request)


async def _tokens(request: Request, status: int = 200, made: str = "", **said: str) -> Response:
    who = guard.principal(request)
    found = [
        (one, ", ".join(format_grants(one.grants)))
        for one in await _access(request).tokens.all(who.account)
    ]
    roles = [(one.value, one.value.capitalize()) for one in Role if who.may_somewhere(one)]
    return _shown(
        request, "tokens", status, tokens=found, made=made, roles=roles, days=DAYS, **said
    )


@router.post("/settings/tokens", dependencies=MINE)
async def make_token(
    request: Request,
    name: Annotated[str, Form(max_length=100)] = "",
    role: Annotated[str, Form(max_length=20)] = "viewer",
    service: Annotated[str, Form(max_length=63)] = "",
    days: Annotated[str, Form(max_length=4)] = "90",
) -> Response:
    """Make a token and show it this once."""
    service = service.strip()
    try:
        grants = parse_grants([f"{role}@{service}" if service else role])
        made, _ = await _access(request).tokens.create(
            guard.principal(request).account,
            name,
            grants,
            valid=timedelta(days=_days(days)),
            by=guard.actor(request),
        )
    except ChimeraError as error:
        return await _tokens(request, 400, problem=str(error), hint=error.hint)
    return await _tokens(request, made=made)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise SpecError("a token is valid for a number of days", hint="write 1 to 366")
    return int(text)


@router.post("/settings/tokens/{token}/revoke", dependencies=MINE)
async def revoke_token(request: Request, token: str) -> Response:
    """Revoke one of one's own tokens for good."""
    mine = guard.principal(request).account
    try:
        await _access(request).tokens.revoke(token, by=guard.actor(request), of=mine)
    except ChimeraError as error:
        return await _tokens(request, 404, problem=str(error), hint="see the list below")
    return RedirectResponse("/settings/tokens", 303)


# Users


@router.get("/settings/users", dependencies=ADMIN)
async def users(request: Request) -> Response:
    """List the accounts."""
    return await _users(request)


async def _users(request: Request, status: int = 200, link: str = "", **said: str) -> Response:
    found = [
        (one, ", ".join(format_grants(one.grants)) or "nothing")
        for one in await _access(request).users.all()
    ]
    return _shown(request, "users", status, users=found, link=link, **said)


@router.post("/settings/users", dependencies=ADMIN)
async def add_user(
    request: Request,
    name: Annotated[str, Form(max_length=100)] = "",
    roles: Annotated[str, Form(max_length=1_000)] = "viewer",
) -> Response:
    """Add an account and show the one-time link with which its owner sets a password."""
    access, by, name = _access(request), guard.actor(request), name.strip()
    try:
        await access.users.add(name, parse_grants(_words(roles)), by=by)
    except ChimeraError as error:
        return await _users(request, 400, problem=str(error), hint=error.hint)
    return await _linked(request, name)


@router.post("/settings/users/{name}/link", dependencies=ADMIN)
async def link_user(request: Request, name: str) -> Response:
    """Show a new one-time link for an account."""
    try:
        return await _linked(request, name)
    except ChimeraError as error:
        return await _users(request, 400, problem=str(error), hint=error.hint)


async def _linked(request: Request, name: str) -> Response:
    access = _access(request)
    await access.users.get(name)
    code = await access.sessions.make_link(name, valid=LINK_VALID, by=guard.actor(request))
    base = str(request.base_url).rstrip("/")
    return await _users(request, link=f"{base}/sign-in#{code}", done=name)


@router.post("/settings/users/{name}/roles", dependencies=ADMIN)
async def grant(
    request: Request, name: str, roles: Annotated[str, Form(max_length=1_000)] = ""
) -> Response:
    """Replace what an account may do."""
    access = _access(request)
    try:
        await access.users.grant(name, parse_grants(_words(roles)), by=guard.actor(request))
    except ChimeraError as error:
        return await _users(request, 400, problem=str(error), hint=error.hint)
    access.forget()
    return RedirectResponse("/settings/users", 303)


@router.post("/settings/users/{name}/{verb}", dependencies=ADMIN)
async def switch(request: Request, name: str, verb: str) -> Response:
    """Disable or enable an account. verb: "disable" or "enable"."""
    access = _access(request)
    try:
        if verb not in {"disable", "enable"}:
            raise SpecError(f"nobody can '{verb}' a user", hint="disable or enable it")
        await access.users.set_disabled(name, disabled=verb == "disable", by=guard.actor(request))
    except ChimeraError as error:
        return await _users(request, 400, problem=str(error), hint=error.hint)
    access.forget()
    return RedirectResponse("/settings/users", 303)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


# The trail


@router.get("/settings/audit", dependencies=ADMIN)
async def audit(request: Request, before: Annotated[int, Query(ge=0)] = 0) -> Response:
    """Show who did what, the newest first."""
    entries = await _access(request).audit.entries(before=before, limit=AUDIT_PAGE)
    full = len(entries) == AUDIT_PAGE and entries[-1].n > 1
    older = f"/settings/audit?before={entries[-1].n}" if full else ""
    return _shown(request, "audit", entries=entries, older=older, before=before)


# Secrets


@router.get("/settings/secrets", dependencies=ADMIN)
async def secrets(request: Request) -> Response:
    """Name the secrets that are kept; what they are is never shown."""
    return _shown(request, "secrets", names=await _access(request).vault.names())


@router.post("/settings/secrets/forget", dependencies=ADMIN)
async def forget_secret(
    request: Request, name: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Forget a secret for good."""
    access = _access(request)
    gone = await access.vault.delete(name)
    outcome = "done" if gone else "refused"
    await access.audit.note(guard.actor(request), "secret.forget", name, outcome=outcome)
    return RedirectResponse("/settings/secrets", 303)
