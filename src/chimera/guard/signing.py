"""Signing in and out by the browser: what the sign-in page's forms lead to."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from chimera.app.access import Access
from chimera.core.errors import ChimeraError, NotSignedIn, TooMany
from chimera.guard.caller import caller_of
from chimera.guard.cookies import cookie_header
from chimera.guard.rules import PUBLIC

_LONG = 1_000


def start_session(request: Request, response: Response, secret: str) -> None:
    """Put the secret that signing in returned into the browser's cookie."""
    caller = caller_of(request.scope)
    caller.new_cookie = ""
    response.headers.append("set-cookie", cookie_header(caller, secret))


async def end_session(request: Request, response: Response) -> None:
    """Sign out: the session ends here and in the store, its cookie goes."""
    caller = caller_of(request.scope)
    access: Access = request.app.state.access
    if caller.cookie:
        await access.sessions.sign_out(caller.cookie, source=caller.source)
    caller.new_cookie = ""
    response.headers.append("set-cookie", cookie_header(caller, "", max_age_s=0))


def local_path(text: str) -> str:
    """Return a path of this site to go on to; "/" for anything that leads elsewhere."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if plain and "\\" not in text and len(text) < _LONG else "/"


def sign_in_routes() -> APIRouter:
    """Return the routes behind the sign-in page's forms.

    `POST /sign-in` takes `name` and `password`, or `code` of a one-time link, and `next`, where to
    go on to. After a failure it leads back to `/sign-in?problem=wrong|link|many` (and `next`).
    `POST /sign-out` leads to `/sign-in`. `GET /sign-in/oidc?next=` goes to the provider.
    """
    from chimera.guard.provider import provider_routes  # which needs this module

    router = APIRouter(include_in_schema=False)
    router.include_router(provider_routes())

    @router.post("/sign-in", dependencies=[PUBLIC])
    async def sign_in(
        request: Request,
        name: Annotated[str, Form(max_length=_LONG)] = "",
        password: Annotated[str, Form(max_length=_LONG)] = "",
        code: Annotated[str, Form(max_length=_LONG)] = "",
        next: Annotated[str, Form(max_length=_LONG)] = "/",  # noqa: A002 - the form's field
    ) -> Response:
        caller, onward = caller_of(request.scope), local_path(next)
        sessions = request.app.state.access.sessions
        try:
            if code:
                secret = await sessions.sign_in_by_link(
                    code.strip(), source=caller.source, former=caller.cookie
                )
            else:
                secret = await sessions.sign_in(
                    name.strip(), password, source=caller.source, former=caller.cookie
                )
        except (NotSignedIn, TooMany) as error:
            return _again(error, onward, by_link=bool(code))
        response = RedirectResponse(onward, 303)
        start_session(request, response, secret)
        return response

    @router.post("/sign-out", dependencies=[PUBLIC])
    async def sign_out(request: Request) -> Response:
        response = RedirectResponse("/sign-in", 303)
        await end_session(request, response)
        return response

    return router


def _again(error: ChimeraError, onward: str, *, by_link: bool) -> Response:
    problem = "many" if isinstance(error, TooMany) else "link" if by_link else "wrong"
    query = {"problem": problem} | ({"next": onward} if onward != "/" else {})
    return RedirectResponse(f"/sign-in?{urlencode(query)}", 303)
