"""The way in: the sign-in page. What its forms do is the guard's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from chimera import guard
from chimera.guard import PUBLIC
from chimera.guard.signing import local_path
from chimera.web.rendering import THEME_COOKIE, THEMES, page

PROBLEMS = {
    "wrong": ("The name or the password is wrong.", "Try again."),
    "link": (
        "This link was used or has expired.",
        "`chimera user link NAME` makes a new one, on the machine that Chimera runs on.",
    ),
    "many": ("Too many attempts to sign in.", "Wait a few minutes, then try again."),
    "oidc": ("Signing in at the provider did not work.", "Try again, or ask an admin."),
}
A_YEAR_S = 365 * 86_400

router = APIRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[PUBLIC])
async def sign_in(
    request: Request,
    problem: str = "",
    onward: Annotated[str, Query(alias="next")] = "/",
) -> Response:
    """Ask who is there; whoever is signed in already goes on."""
    if guard.signed_in(request):
        return RedirectResponse(local_path(onward), 303)
    text, hint = PROBLEMS.get(problem, ("", ""))
    oidc = request.app.state.access.settings.oidc
    return page(
        request,
        "sign_in.html",
        problem=text,
        hint=hint,
        onward=local_path(onward),
        provider=oidc.name if oidc else "",
    )


@router.post("/theme", dependencies=[PUBLIC])
async def theme(theme: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/") -> Response:
    """Remember light or dark colours in this browser; "" is as the system has it."""
    response = RedirectResponse(local_path(back), 303)
    chosen = theme if theme in THEMES else ""
    response.set_cookie(
        THEME_COOKIE, chosen, max_age=A_YEAR_S if chosen else 0, httponly=True, samesite="strict"
    )
    return response
