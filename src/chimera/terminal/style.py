"""Colours and signs of the terminal. Every colour stands beside a word or a sign, never alone."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import ConsoleOptions
from rich.text import Text

from chimera.core.model import Verdict
from chimera.core.state import Phase
from chimera.core.words import plain

CANARY = "bright_blue"
STABLE = "bright_black"
GOOD = "green"
BAD = "bold red"
WARN = "yellow"
MUTED = "dim"
TITLE = "bold"

VERDICT_STYLE = {
    Verdict.HEALTHY: GOOD,
    Verdict.UNHEALTHY: BAD,
    Verdict.INCONCLUSIVE: WARN,
}
PHASE_STYLE = {
    Phase.SUCCEEDED: GOOD,
    Phase.RETIRING: GOOD,
    Phase.ROLLED_BACK: BAD,
    Phase.ROLLING_BACK: BAD,
    Phase.CLEANUP_INCOMPLETE: BAD,
    Phase.ABORTED: WARN,
    Phase.PAUSED: WARN,
    Phase.AWAITING_APPROVAL: WARN,
}


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of one character set. bars: from nothing to full, for sparklines."""

    arrow: str
    good: str
    bad: str
    unsure: str
    now: str
    next: str
    never: str
    canary: str
    stable: str
    bars: str
    more: str

    def verdict(self, verdict: Verdict) -> str:
        """Return the sign of a verdict."""
        signs = {Verdict.HEALTHY: self.good, Verdict.UNHEALTHY: self.bad}
        return signs.get(verdict, self.unsure)


UNICODE = Signs("→", "✓", "✗", "?", "▶", "·", "\N{EN DASH}", "█", "░", "▁▂▃▄▅▆▇█", "…")
ASCII = Signs("->", "+", "x", "?", ">", ".", "-", "#", "-", "_.:-=*%#", "~")


def signs_for(options: ConsoleOptions) -> Signs:
    """Return the signs that a console can show."""
    return ASCII if options.ascii_only else UNICODE


def short(text: object, width: int, more: str = "…") -> str:
    """Return `text` in at most `width` characters."""
    words = plain(text)
    return words if len(words) <= width else words[: max(width - len(more), 0)] + more


def label(text: str, style: str = MUTED, width: int = 9) -> Text:
    """Return the word that begins a row of the page."""
    return Text.assemble((text.ljust(width), style))
