"""The step track in rows, as many as it needs."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from chimera.app.reports import RolloutView
from chimera.core.track import Mark, StepMark
from chimera.core.track import track as track_of
from chimera.terminal.style import BAD, CANARY, GOOD, MUTED, WARN, Signs, label


def track(view: RolloutView, now: datetime, signs: Signs, width: int) -> list[Text]:
    """Return the steps in as many rows as they need; [] for a first installation."""
    plan, state = view.rollout.plan, view.state
    steps = track_of(plan, state, now, stopped=bool(view.unattended))
    rows = [label("Steps")] if steps else []
    for piece in (_piece(step, signs) for step in steps):
        gap = 0 if rows[-1].cell_len == 9 else 3
        if gap and rows[-1].cell_len + gap + piece.cell_len > width:
            rows.append(label(""))
            gap = 0
        rows[-1].append(" " * gap).append_text(piece)
    return rows


def _piece(step: StepMark, signs: Signs) -> Text:
    sign, style = {
        Mark.DONE: (signs.good, GOOD),
        Mark.NOW: (signs.now, f"bold {CANARY}"),
        Mark.HELD: (signs.now, f"bold {WARN}"),
        Mark.NEXT: (signs.next, MUTED),
        Mark.SKIPPED: (signs.never, MUTED),
        Mark.NEVER: (signs.never, MUTED),
        Mark.ABORTED: (signs.bad, WARN),
        Mark.FAILED: (signs.bad, BAD),
    }[step.mark]
    return Text(f"{sign} {step.words}", style=style)
