"""Map what the system raises to our errors, in one place."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from chimera.core.errors import ChimeraError, LedgerError, ProviderRefused, ProviderUnavailable

_P = ParamSpec("_P")
_R = TypeVar("_R")
_HINTS = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some disk space",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files (ulimit -n)",
    errno.EAGAIN: "raise the limit of processes (ulimit -u)",
    errno.ENOMEM: "free some memory",
    errno.EACCES: "check who owns the data folder",
    errno.EPERM: "check who owns the data folder",
    errno.EROFS: "use a data folder that can be written",
}


def translate(operation: str, error: OSError | ValueError) -> ChimeraError:
    """Say what the system or a value refused: the first passes, the second does not."""
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        reason = f"{error.strerror or error}{where}"
        hint = _HINTS.get(error.errno or 0, "")
        return ProviderUnavailable("local", operation, reason, hint=hint)
    return ProviderRefused("local", operation, str(error))


def mapped(
    operation: str,
) -> Callable[[Callable[_P, Coroutine[Any, Any, _R]]], Callable[_P, Coroutine[Any, Any, _R]]]:
    """Let only our own errors out of a method of a port."""

    def decorate(
        method: Callable[_P, Coroutine[Any, Any, _R]],
    ) -> Callable[_P, Coroutine[Any, Any, _R]]:
        @wraps(method)
        async def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return await method(*args, **kwargs)
            except LedgerError as error:  # the inventory is kept there
                raise ProviderUnavailable(
                    "local", operation, str(error), hint=error.hint
                ) from error
            except (OSError, ValueError) as error:
                raise translate(operation, error) from error

        return guarded

    return decorate
