"""How the demo's story is told: what a screen can show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chimera.app.reports import Line, LookView, PlanReport, RolloutView
from chimera.demo.load import Tally


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing that stands, has come or has gone. change: "+" new, "-" gone, "~" changed, ""."""

    change: str
    kind: str
    name: str
    says: str


class Screen(Protocol):
    """Where the story is told."""

    def say(self, text: str) -> None:
        """Tell one thing."""

    def chapter(self, text: str) -> None:
        """Begin a part of the story."""

    def show_plan(self, plan: PlanReport) -> None:
        """Show what a deploy would do."""

    def show_standing(self, title: str, things: Sequence[Standing]) -> None:
        """Show what stands now, and what has come and gone since the last time."""

    async def show_rollout(
        self,
        updates: AsyncIterator[tuple[RolloutView, Sequence[Line], Sequence[LookView]]],
        met: Tally,
    ) -> RolloutView:
        """Show a rollout live until it is over; `met` is what the load meets meanwhile."""
