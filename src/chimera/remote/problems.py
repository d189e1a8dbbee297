"""Problem documents of the API as the errors that they were over there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from chimera.core import errors as e

BUSY = "key-busy"
_SPEC = {"spec", "invalid", "unknown-adapter", "key-reused"}
_ERRORS: dict[str, type[e.ChimeraError]] = {
    "refused": e.RequestRefused,
    "not-found": e.RolloutNotFound,
    "not-signed-in": e.NotSignedIn,
    "not-allowed": e.NotAllowed,
    "ledger": e.LedgerError,
    "engine": e.EngineError,
}
_PROVIDERS: dict[str, type[e.ProviderError]] = {
    "provider-denied": e.ProviderDenied,
    "provider-refused": e.ProviderRefused,
    "provider-unavailable": e.ProviderUnavailable,
    "provider": e.ProviderError,
}


def name_of(answer: httpx.Response) -> str:
    """Return the end of a problem's type, by which it is told; "" if it is no problem of ours."""
    if "problem+json" not in answer.headers.get("content-type", ""):
        return ""
    return str(answer.json().get("type", "")).rpartition(":")[2]


def error_of(name: str, said: dict[str, Any], wait: timedelta) -> e.ChimeraError:
    """Return the error that a problem was. wait: when it may be tried again."""
    text, hint = str(said.get("detail", "")), str(said.get("hint", ""))
    if name in _SPEC:
        return e.SpecError(text, problems=said.get("problems", ()), hint=hint)
    if name == "conflict":
        return e.RolloutConflict(text, rollout=str(said.get("rollout", "")), hint=hint)
    if name == "too-many":
        return e.TooMany(text, retry_after=wait, hint=hint)
    if name == BUSY:
        return e.ServerError(
            "it is still being carried out over there",
            hint="it goes on; `chimera list` and `chimera audit list` show what became of it",
        )
    if name in _PROVIDERS:
        provider, operation, reason = (*text.split(": ", 2), "", "")[:3]
        return _PROVIDERS[name](provider, operation, reason, hint=hint)
    return _ERRORS.get(name, e.ServerError)(text, hint=hint)
