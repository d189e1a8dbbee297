"""Cookies: unreadable for scripts; the session's is never sent along by other sites."""

from __future__ import annotations

from chimera.guard.caller import Caller


def cookie_header(
    caller: Caller,
    value: str,
    *,
    name: str = "",
    same_site: str = "Strict",
    max_age_s: int | None = None,
) -> str:
    """Return the Set-Cookie header of the session's or a named cookie; no age: with the browser."""
    parts = [f"{name or caller.cookie_name}={value}", "Path=/", "HttpOnly", f"SameSite={same_site}"]
    if max_age_s is not None:
        parts.append(f"Max-Age={max_age_s}")
    if caller.secure:
        parts.append("Secure")
    return "; ".join(parts)
