"""Whatever a database or a file system reports, as a LedgerError with a next step."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import exc

from chimera.core.errors import ChimeraError, LedgerError

_FULL = (
    "free some space there, or move the ledger; nothing was half-written, and it goes on by itself"
)
_HELD = "another process holds the ledger; stop it, or use PostgreSQL to share it"
_SQLITE_HINTS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: "check that disk: it may be full, unmounted or failing",
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_PERM: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and is writable for this user",
    sqlite3.SQLITE_CORRUPT: "keep a copy, then restore a backup or `sqlite3 FILE .recover` it",
    sqlite3.SQLITE_NOTADB: "this file is something else; name another one for the ledger",
}
_POSTGRES_HINTS = (
    ("password authentication failed", "check user and password in the ledger's URL"),
    ("no password supplied", "put the password into the ledger's URL, or use ~/.pgpass"),
    ("does not exist", "create the role and the database, or correct the ledger's URL"),
    ("permission denied", "grant this role the rights on its database and schema"),
    ("no space left", _FULL),
    ("disk full", _FULL),
    ("read-only transaction", "this server is a replica; use the primary's address"),
    ("too many", "raise max_connections, or run fewer processes"),
    ("timeout", "another process holds the ledger's rows, or the server is overloaded; try again"),
)
_UNREACHABLE = "check that PostgreSQL runs and that the ledger's URL names its host and port"
_BROKEN = "this is a mistake in Chimera; please report it with this message"


@contextmanager
def mapped(url: sa.URL, doing: str) -> Iterator[None]:
    """Turn every database or file error inside into a LedgerError that says what was being done."""
    try:
        yield
    except ChimeraError:
        raise
    except (exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", None) or error
        reason = masked(url, " ".join(str(cause).split()) or type(cause).__name__)
        # `from None`: a chained driver error could show what is masked here.
        raise LedgerError(
            f"the ledger at {place(url)} failed while {doing}: {reason}", hint=_hint(url, cause)
        ) from None


def place(url: sa.URL) -> str:
    """Return where the ledger is, without a password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    shown = url.difference_update_query(["password", "passfile", "sslkey"])
    return shown.render_as_string(hide_password=True)


def masked(url: sa.URL, text: str) -> str:
    """Return `text` without the URL's password."""
    secrets = {url.password, url.query.get("password")}
    for secret in secrets:
        if isinstance(secret, str) and secret:
            text = text.replace(secret, "***")
    return text


def _hint(url: sa.URL, cause: BaseException) -> str:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return _SQLITE_HINTS.get(code, _BROKEN)
    if isinstance(cause, OSError):
        return _os_hint(cause)
    if url.get_backend_name() != "postgresql":
        return _BROKEN
    text = str(cause).lower()
    known = (hint for sign, hint in _POSTGRES_HINTS if sign in text)
    offline = isinstance(cause, exc.SQLAlchemyError) or getattr(cause, "sqlstate", None) is None
    return next(known, _UNREACHABLE if offline else _BROKEN)


def _os_hint(cause: OSError) -> str:
    if cause.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _FULL
    return "check that its folder exists, is a folder, and is writable for this user"
