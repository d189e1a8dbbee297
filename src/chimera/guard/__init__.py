"""The guard before both doors: who asks, from where, how much, and whether they may."""

from chimera.app.doors import GuardSettings
from chimera.guard.caller import about, actor, csrf_token, deed, principal, signed_in
from chimera.guard.install import install
from chimera.guard.provider import provider_routes
from chimera.guard.rules import PUBLIC, Rule, requires, rule_of
from chimera.guard.signing import end_session, sign_in_routes, start_session

__all__ = [
    "PUBLIC",
    "GuardSettings",
    "Rule",
    "about",
    "actor",
    "csrf_token",
    "deed",
    "end_session",
    "install",
    "principal",
    "provider_routes",
    "requires",
    "rule_of",
    "sign_in_routes",
    "signed_in",
    "start_session",
]
