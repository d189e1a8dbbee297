"""Users, tokens and the audit trail as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from chimera.app.access import Entry, TokenView, UserView
from chimera.cli.tables import columns, moment
from chimera.core.access import format_grants
from chimera.core.words import plain
from chimera.terminal.style import BAD, MUTED


def users(views: Sequence[UserView]) -> RenderableType:
    """Return one row per user."""
    if not views:
        return Text("No user yet. `chimera up` prints a link for you; `chimera user add` adds one.")
    found = columns("User", "May", "Signs in by", "State")
    for view in views:
        how = "provider" if view.external else "password" if view.has_password else "link"
        may = ", ".join(format_grants(view.grants)) or "nothing"
        state = Text("disabled", style=BAD) if view.disabled else Text("enabled")
        found.add_row(Text(plain(view.name)), Text(plain(may)), Text(how), state)
    return found


def tokens(views: Sequence[TokenView]) -> RenderableType:
    """Return one row per token."""
    if not views:
        return Text("No token yet. `chimera token create` makes one.")
    found = columns("Id", "Name", "User", "May", "Ends", "Last used", "State")
    for view in views:
        over = view.expires_at <= datetime.now(UTC)
        state = "revoked" if view.revoked else "expired" if over else "valid"
        found.add_row(
            Text(view.id),
            Text(plain(view.name)),
            Text(plain(view.user)),
            Text(plain(", ".join(format_grants(view.grants)))),
            Text(f"{view.expires_at:%Y-%m-%d}"),
            Text(moment(view.used_at) if view.used_at else "never", style=MUTED),
            Text(state, style="" if state == "valid" else BAD),
        )
    return found


def trail(entries: Sequence[Entry]) -> RenderableType:
    """Return one row per entry of the audit trail."""
    if not entries:
        return Text("Nothing yet.")
    found = columns("When", "Who", "What", "Of", "From", "How it ended", whole={"When"})
    for entry in entries:
        ended = f"{entry.outcome}{f': {entry.detail}' if entry.detail else ''}"
        row = (entry.who or "nobody", entry.action, entry.target, entry.source, ended)
        found.add_row(Text(moment(entry.at)), *(Text(plain(cell)) for cell in row))
    return found
