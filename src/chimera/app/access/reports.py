"""What Access answers: plain values without any secret in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chimera.core.access import Principal, Role


@dataclass(frozen=True, slots=True)
class UserView:
    """An account. grants: all it has, of whoever. external: it signs in at an OIDC provider."""

    name: str
    grants: Mapping[str, Role]
    disabled: bool
    has_password: bool
    external: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TokenView:
    """An API token without its secret. used_at: None if never."""

    id: str
    name: str
    user: str
    grants: Mapping[str, Role]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. id: names the session without giving it away."""

    id: str
    principal: Principal
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit trail. n: its place from 1. outcome: "done", "refused" or "failed"."""

    n: int
    at: datetime
    who: str
    action: str
    target: str
    source: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something and from where: an address, or "cli" for this machine's command line."""

    name: str
    source: str = "cli"
