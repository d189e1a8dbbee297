"""What happened, one event below the other: whole where there is height, else cut."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from rich.console import Console
from rich.text import Text

from chimera.app.reports import Line
from chimera.core.words import plain
from chimera.terminal.style import MUTED, Signs, short

_TIME = 9


def event_rows(
    lines: Sequence[Line], console: Console, width: int, room: int | None, signs: Signs
) -> list[Text]:
    """Return a blank row and the last events, in at most `room` rows; None: in all they need.

    Each gets one row first; rows that are left go to the latest ones that did not fit theirs.
    """
    if room is not None:
        lines = list(lines)[-(room - 1) :] if room > 1 else []
    spare = None if room is None else room - 1 - len(lines)
    width = max(width - _TIME, 10)
    rows: list[Text] = []
    for line in reversed(lines):
        words = list(Text(plain(line.sentence)).wrap(console, width)) or [Text("")]
        for row in words:
            row.rstrip()
        if spare is not None and len(words) - 1 > spare:
            words = [Text(short(line.sentence, width, signs.more))]
        elif spare is not None:
            spare -= len(words) - 1
        at = Text(f"{line.at.astimezone(UTC):%H:%M:%S} ", style=MUTED)
        begins = [at, *(Text(" " * _TIME) for _ in words[1:])]
        rows[:0] = [Text.assemble(*row) for row in zip(begins, words, strict=True)]
    return [Text(""), *rows] if rows else []
