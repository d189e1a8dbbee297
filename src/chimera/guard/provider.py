"""Signing in at the provider by the browser: there and back, with a cookie that the way back needs.

The provider's answer comes from another site, so that flow's cookie is SameSite=Lax, and lives for
minutes. The session's own stays Strict: the last page therefore goes on by itself, from our site.
"""

from html import escape

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from chimera.app.access import Access
from chimera.app.access.oidc import FLOW
from chimera.core.errors import ChimeraError
from chimera.guard.caller import Caller, caller_of
from chimera.guard.cookies import cookie_header
from chimera.guard.rules import PUBLIC
from chimera.guard.signing import local_path, start_session

_ONWARD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Chimera</title>
<meta http-equiv="refresh" content="0;url={path}"><p><a href="{path}">Go on</a></p></html>
"""


def provider_routes() -> APIRouter:
    """Return `GET /sign-in/oidc?next=` and its callback; both lead to /sign-in without a provider.

    A failure leads to `/sign-in?problem=oidc`.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/oidc", dependencies=[PUBLIC])
    async def begin(request: Request) -> Response:
        access: Access = request.app.state.access
        if access.oidc is None:
            return RedirectResponse("/sign-in", 303)
        onward = local_path(request.query_params.get("next", "/"))
        try:
            flow = await access.oidc.begin(_callback(request), onward)
        except ChimeraError:
            return RedirectResponse("/sign-in?problem=oidc", 303)
        response = RedirectResponse(flow.url, 303)
        caller = caller_of(request.scope)
        age = int(FLOW.total_seconds())
        response.headers.append("set-cookie", _cookie(caller, flow.secret, max_age_s=age))
        return response

    @router.get("/sign-in/oidc/callback", dependencies=[PUBLIC])
    async def callback(request: Request) -> Response:
        access: Access = request.app.state.access
        if access.oidc is None:
            return RedirectResponse("/sign-in", 303)
        caller = caller_of(request.scope)
        response: Response
        try:
            secret, onward = await access.oidc.finish(
                request.cookies.get(f"{caller.cookie_name}-flow", ""),
                request.query_params,
                _callback(request),
                source=caller.source,
                former=caller.cookie,
            )
        except ChimeraError:
            response = RedirectResponse("/sign-in?problem=oidc", 303)
        else:
            response = HTMLResponse(_ONWARD.format(path=escape(onward)))
            start_session(request, response, secret)
        response.headers.append("set-cookie", _cookie(caller, "", max_age_s=0))
        return response

    return router


def _callback(request: Request) -> str:
    return f"{request.app.state.guard.url}/sign-in/oidc/callback"


def _cookie(caller: Caller, value: str, *, max_age_s: int) -> str:
    name = f"{caller.cookie_name}-flow"
    return cookie_header(caller, value, name=name, same_site="Lax", max_age_s=max_age_s)
