"""Users, tokens, and the trail of what they did."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response

from chimera.api.idempotency import Idempotent
from chimera.api.parts import access_of, reads, writes
from chimera.api.problems import NOT_FOUND, ApiError, documented
from chimera.api.replies import reply
from chimera.api.shapes import (
    LinkRequest,
    MadeToken,
    Me,
    NewToken,
    NewUser,
    SignInLink,
    Token,
    TrailEntry,
    User,
    UserChange,
)
from chimera.app.access import TokenView, UserView
from chimera.core.access import Kind, Role, format_grants, parse_grants
from chimera.core.errors import NotAllowed, SpecError
from chimera.guard import actor, principal

router = APIRouter(tags=["people"], route_class=Idempotent)

LINK_MINUTES = 30
Name = Annotated[str, Path(description="An account's name.", max_length=100, examples=["ada"])]


def user_of(view: UserView) -> User:
    """Return an account as the API says it."""
    return User(
        name=view.name,
        roles=format_grants(view.grants),
        disabled=view.disabled,
        has_password=view.has_password,
        external=view.external,
        created_at=view.created_at,
    )


def token_of(view: TokenView) -> Token:
    """Return a token as the API says it."""
    return Token(
        id=view.id,
        name=view.name,
        user=view.user,
        roles=format_grants(view.grants),
        created_at=view.created_at,
        expires_at=view.expires_at,
        used_at=view.used_at,
        revoked=view.revoked,
    )


async def _known(request: Request, name: str) -> UserView:
    try:
        return await access_of(request).users.get(name)
    except SpecError as error:
        raise ApiError(NOT_FOUND, str(error), "GET /api/v1/users lists them") from None


@router.get(
    "/me",
    operation_id="getMe",
    dependencies=reads(),
    response_model=Me,
    responses=documented(),
)
async def me(request: Request) -> Response:
    """Say who asks, and with which roles."""
    who = principal(request)
    return reply(Me(name=who.name, kind=who.kind.value, roles=format_grants(who.grants)))


@router.get(
    "/users",
    operation_id="listUsers",
    dependencies=reads(Role.ADMIN),
    response_model=list[User],
    responses=documented(),
)
async def list_users(request: Request) -> Response:
    """List the accounts."""
    return reply([user_of(one) for one in await access_of(request).users.all()])


@router.post(
    "/users",
    operation_id="addUser",
    dependencies=writes(Role.ADMIN),
    status_code=201,
    response_model=User,
    responses=documented(),
)
async def add_user(request: Request, new: NewUser) -> Response:
    """Add an account."""
    made = await access_of(request).users.add(
        new.name,
        parse_grants(new.roles),
        password=new.password.get_secret_value(),
        by=actor(request),
    )
    return reply(user_of(made), 201)


@router.get(
    "/users/{name}",
    operation_id="getUser",
    dependencies=reads(Role.ADMIN),
    response_model=User,
    responses=documented(404),
)
async def get_user(request: Request, name: Name) -> Response:
    """Return an account."""
    return reply(user_of(await _known(request, name)))


@router.patch(
    "/users/{name}",
    operation_id="changeUser",
    dependencies=writes(Role.ADMIN),
    response_model=User,
    responses=documented(404),
)
async def change_user(request: Request, name: Name, change: UserChange) -> Response:
    """Change an account's roles, password, or whether it may sign in: all of it, or nothing."""
    await _known(request, name)
    changed = await access_of(request).users.change(
        name,
        grants=None if change.roles is None else parse_grants(change.roles),
        disabled=change.disabled,
        password=change.password.get_secret_value() if change.password is not None else None,
        by=actor(request),
    )
    return reply(user_of(changed))


@router.post(
    "/users/{name}/link",
    operation_id="makeSignInLink",
    dependencies=writes(Role.ADMIN, secret=True),
    status_code=201,
    response_model=SignInLink,
    responses=documented(404, 409),
)
async def make_link(
    request: Request, name: Name, wanted: Annotated[LinkRequest | None, Body()] = None
) -> Response:
    """Make a link that signs an account in once."""
    access = access_of(request)
    await _known(request, name)
    minutes = wanted.hours * 60 if wanted and wanted.hours else LINK_MINUTES
    valid = timedelta(minutes=minutes)
    code = await access.sessions.make_link(name, valid=valid, by=actor(request))
    base = request.app.state.settings.url
    return reply(SignInLink(url=f"{base}/sign-in#{code}", valid_minutes=minutes), 201)


@router.get(
    "/tokens",
    operation_id="listTokens",
    dependencies=reads(),
    response_model=list[Token],
    responses=documented(),
)
async def list_tokens(
    request: Request,
    everybody: Annotated[bool, Query(alias="all", description="Everybody's, for admins.")] = False,
    user: Annotated[str, Query(max_length=100, description="This user's, for admins.")] = "",
) -> Response:
    """List your tokens, or as an admin those of others."""
    who = principal(request)
    others = everybody or user not in {"", who.account}
    if others and not who.may(Role.ADMIN):
        raise NotAllowed(
            f"{who.name} is not admin", hint="leave out `all` and `user` to see your own"
        )
    of = user or ("" if everybody else who.account)
    return reply([token_of(one) for one in await access_of(request).tokens.all(of)])


@router.post(
    "/tokens",
    operation_id="makeToken",
    dependencies=writes(Role.VIEWER, secret=True),
    status_code=201,
    response_model=MadeToken,
    responses=documented(409),
)
async def make_token(request: Request, new: NewToken) -> Response:
    """Make a token; its secret is in this answer and nowhere else."""
    who, access = principal(request), access_of(request)
    if who.kind is Kind.TOKEN and not who.may(Role.ADMIN):
        raise NotAllowed("a token makes no tokens", hint="make it as a user, on the settings page")
    user = new.user or who.account
    if user != who.account and not who.may(Role.ADMIN):
        raise NotAllowed(f"{who.name} is not admin", hint="make tokens for yourself")
    owned = (await access.users.get(user)).grants
    grants = owned if new.roles is None else parse_grants(new.roles)
    for service, role in grants.items():
        if not who.may(role, service):
            raise NotAllowed(
                f"{who.name} may not give {' '.join(format_grants({service: role}))}",
                hint="a token has at most the roles of whoever makes it",
            )
    secret, view = await access.tokens.create(
        user, new.name, grants, valid=timedelta(days=new.days), by=actor(request)
    )
    return reply(MadeToken(token=token_of(view), secret=secret), 201)


@router.delete(
    "/tokens/{token}",
    operation_id="revokeToken",
    dependencies=writes(Role.VIEWER),
    status_code=204,
    responses=documented(404),
)
async def revoke_token(
    request: Request,
    token: Annotated[str, Path(description="The token's id.", max_length=40)],
) -> Response:
    """Revoke a token for good: one's own, or anybody's as an admin.

    A token revokes itself, and of its owner's others those that may do no more than it.
    """
    who, access = principal(request), access_of(request)
    of = "" if who.may(Role.ADMIN) else who.account
    within = who.grants if of and who.kind is Kind.TOKEN else None
    try:
        await access.tokens.revoke(token, by=actor(request), of=of, within=within)
    except SpecError as error:
        raise ApiError(NOT_FOUND, str(error), "GET /api/v1/tokens lists yours") from None
    return Response(status_code=204)


@router.get(
    "/audit/trail",
    operation_id="listTrail",
    dependencies=reads(Role.ADMIN),
    response_model=list[TrailEntry],
    responses=documented(),
)
async def list_trail(
    request: Request,
    before: Annotated[int, Query(ge=0, le=2**53, description="Only smaller numbers.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """List who did what, the newest first."""
    return reply(list(await access_of(request).audit.entries(before=before, limit=limit)))
