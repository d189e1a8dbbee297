"""Who may use this Chimera: accounts, sessions, tokens, secrets, and the trail of what they did."""

from chimera.app.access.access import Access, open_access
from chimera.app.access.reports import Actor, Entry, Session, TokenView, UserView
from chimera.app.doors import AccessSettings, GuardSettings, OidcSettings

__all__ = [
    "Access",
    "AccessSettings",
    "Actor",
    "Entry",
    "GuardSettings",
    "OidcSettings",
    "Session",
    "TokenView",
    "UserView",
    "open_access",
]
