"""Every error that Chimera raises on purpose.

    ChimeraError                     carries a sentence for a person and, as `hint`, what to do next
    ├── SpecError                    the operator's mistake in a spec or an argument; never retried
    ├── RolloutConflict              another rollout holds this service
    ├── RolloutNotFound              no rollout or service of that name
    ├── RequestRefused               a request that this rollout's state does not allow
    ├── UnknownAdapter               a platform or provider that does not exist; lists those that do
    ├── LedgerError                  the ledger cannot be read or written
    ├── EngineError                  the engine cannot be reached or started
    ├── NotSignedIn                  nobody is signed in, or the session or token is not valid
    ├── NotAllowed                   the one who asks does not have the role for it
    ├── TooMany                      too many attempts or requests; again after `retry_after`
    ├── ServerError                  another Chimera cannot be reached, or is not understood
    ├── SecretsLocked                what is encrypted at rest cannot be read with this key
    └── ProviderError                a platform or metric source failed
        ├── ProviderUnavailable      for now: retried, after `retry_after` if the provider said so
        └── ProviderRefused          for good: not retried
            └── ProviderDenied       no credentials, expired ones, or a missing permission

Each adapter maps its SDK's errors to these in one place; nothing else crosses a port.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta


class ChimeraError(Exception):
    """Base of all errors: `str(error)` is a sentence, `hint` what to do next ("" if nothing)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SpecError(ChimeraError):
    """The spec or an argument is wrong; `problems` has one line per mistake, with file and line."""

    exit_code = 2

    def __init__(self, message: str, *, problems: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class RolloutConflict(ChimeraError):
    """Another rollout holds the service; `rollout` is its id."""

    exit_code = 8

    def __init__(self, message: str, *, rollout: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rollout = rollout


class RolloutNotFound(ChimeraError):
    """No rollout or service of that name is known."""

    exit_code = 2


class RequestRefused(ChimeraError):
    """The rollout's state does not allow this request; the message says why."""

    exit_code = 8


class UnknownAdapter(ChimeraError):
    """A platform or provider of that name does not exist; the message lists those that do."""

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(f"unknown {kind} '{name}'", hint=f"known: {names}")


class LedgerError(ChimeraError):
    """The ledger cannot be read or written."""


class EngineError(ChimeraError):
    """The engine cannot be reached or started."""


class NotSignedIn(ChimeraError):
    """Nobody is signed in, or the password, session, link or token is not valid (any more)."""

    exit_code = 7


class NotAllowed(ChimeraError):
    """The one who asks does not have the role for it."""

    exit_code = 7


class TooMany(ChimeraError):
    """Too many attempts or requests; it may be tried again after `retry_after`."""

    exit_code = 8

    def __init__(self, message: str, *, retry_after: timedelta, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class SecretsLocked(ChimeraError):
    """What is encrypted at rest cannot be read with the keys given."""


class ServerError(ChimeraError):
    """Another Chimera cannot be reached, or does not answer as this version expects."""


class ProviderError(ChimeraError):
    """A platform or metric source failed: `provider` ("envoy"), `operation` ("set weights")."""

    def __init__(self, provider: str, operation: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{provider}: {operation}: {reason}", hint=hint)
        self.provider = provider
        self.operation = operation
        self.reason = reason


class ProviderUnavailable(ProviderError):
    """The provider cannot do it now; try again, after `retry_after` if it said so."""

    def __init__(
        self,
        provider: str,
        operation: str,
        reason: str,
        *,
        retry_after: timedelta | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(provider, operation, reason, hint=hint)
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """The provider will never do it as asked; not retried."""

    exit_code = 2


class ProviderDenied(ProviderRefused):
    """The provider does not let this identity do it: credentials or a permission are missing."""

    exit_code = 7
