"""The table of checks, with the evidence where there is room."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from chimera.core.checklist import CheckRow, checklist
from chimera.core.model import Judgement
from chimera.core.plan import AnalysisPlan
from chimera.terminal.style import CANARY, MUTED, STABLE, VERDICT_STYLE, Signs, short

WIDE, GAP = 110, 2
HEADINGS = ("Check", "Canary", "Stable", "Limit", "n", "Verdict")


def checks_table(plan: AnalysisPlan, judgement: Judgement, signs: Signs, width: int) -> Table:
    """Return one row per check, in the plan's order; with the evidence where there is room."""
    found = checklist(plan, judgement)
    rows = [_cells(check, signs) for check in found]
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style=MUTED)
    table.add_column(HEADINGS[0], no_wrap=True)
    for word, style in zip(HEADINGS[1:5], (CANARY, STABLE, "", ""), strict=True):
        table.add_column(word, style=style, justify="right", no_wrap=True)
    table.add_column(HEADINGS[5], no_wrap=True)
    room = width - sum(max(map(len, column)) + GAP for column in zip(HEADINGS, *rows, strict=True))
    wide = width >= WIDE and room > len("Evidence")
    if wide:
        table.add_column("Evidence", style=MUTED, no_wrap=True)
    for check, row in zip(found, rows, strict=True):
        evidence = [short(check.evidence, room, signs.more)] if wide else []
        verdict = Text(row[-1], style=VERDICT_STYLE[check.verdict])
        table.add_row(*row[:-1], verdict, *evidence)
    return table


def _cells(check: CheckRow, signs: Signs) -> tuple[str, ...]:
    verdict = f"{signs.verdict(check.verdict)} {check.verdict.value}"
    return (check.name, check.canary, check.stable, check.limit, f"{check.n:,}", verdict)
