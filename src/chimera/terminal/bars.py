"""The traffic bar and the error rate over time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from chimera.app.presenting import outdated
from chimera.app.reports import LookView, RolloutView
from chimera.core.model import Tally
from chimera.core.plan import Limit
from chimera.core.state import Phase
from chimera.core.words import percent
from chimera.terminal.style import BAD, CANARY, MUTED, STABLE, Signs, label, short


def traffic(view: RolloutView, signs: Signs, width: int) -> Text:
    """Return who gets the traffic, as a bar and in words; or who got it, when nobody knows now."""
    rollout, weight = view.rollout, view.state.weight
    if rollout.plan.install:
        return Text.assemble(
            label("Traffic"), f"first installation of {short(rollout.canary.name, 40)}"
        )
    name = max((width - 36) // 4, 6)
    word, style = ("Was", MUTED) if outdated(view) else ("Traffic", CANARY)
    new, old = ("stable", "old") if view.state.ending is Phase.SUCCEEDED else ("canary", "stable")
    words = Text.assemble(
        (f"{weight} % {new} {short(rollout.canary.name, name, signs.more)}", style),
        "  ",
        (f"{100 - weight} % {old} {short(rollout.stable.name, name, signs.more)}", STABLE),
    )
    room = min(max(width - 9 - words.cell_len - 2, 8), 60)
    filled = _share(weight, room)
    return Text.assemble(
        label(word),
        (signs.canary * filled, style),
        (signs.stable * (room - filled), STABLE),
        "  ",
        words,
    )


def _share(weight: int, room: int) -> int:
    """Return how much of a bar a weight fills: nothing only at 0, all only at 100."""
    if weight in {0, 100}:
        return room * weight // 100
    return min(max(round(room * weight / 100), 1), room - 1)


def error_history(
    looks: Sequence[LookView], limit: Limit | None, signs: Signs, width: int
) -> list[Text]:
    """Return the error rate of both versions per look, newest right; [] before there are two."""
    usable = [one.look for one in looks if not one.look.gap]
    if len(usable) < 2:
        return []
    recent = usable[-max(min(width - 42, 60), 10) :]
    canary = [_rate(look.canary) for look in recent]
    stable = [_rate(look.stable) for look in recent]
    ceiling = limit.max if limit and limit.max else 0.0
    top = max([ceiling, *(rate for rate in canary + stable if rate is not None), 1e-4])
    word = f"   limit {percent(ceiling)}" if ceiling else ""
    return [
        _row("Errors", "canary", canary, top, signs, CANARY),
        Text.assemble(
            _row("per look", "stable", stable, top, signs, STABLE),
            (word, BAD if _broken(canary, ceiling) else MUTED),
        ),
    ]


def _broken(rates: Sequence[float | None], ceiling: float) -> bool:
    last = next((rate for rate in reversed(rates) if rate is not None), None)
    return bool(ceiling) and last is not None and last > ceiling


def _row(
    word: str, arm: str, rates: Sequence[float | None], top: float, signs: Signs, style: str
) -> Text:
    last = next((rate for rate in reversed(rates) if rate is not None), None)
    value = "no requests" if last is None else percent(last)
    return Text.assemble(
        label(word), (f"{arm} ", style), (sparkline(rates, top, signs), style), f"  {value}"
    )


def sparkline(rates: Sequence[float | None], top: float, signs: Signs) -> str:
    """Return one sign per rate, from 0 to `top`; a blank where nothing is known."""
    highest = len(signs.bars) - 1
    return "".join(
        " "
        if rate is None
        else signs.bars[0 if rate <= 0 else min(max(round(rate / top * highest), 1), highest)]
        for rate in rates
    )


def _rate(tally: Tally) -> float | None:
    return tally.errors / tally.requests if tally.requests else None
