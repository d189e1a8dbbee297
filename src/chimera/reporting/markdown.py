"""A report as Markdown: for a ticket, a chat or a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chimera.core.banner import capital
from chimera.core.checklist import CheckRow
from chimera.core.words import plain
from chimera.reporting.document import Chapter, Document, moment
from chimera.reporting.evidence import HEADINGS, Evidence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_LINKS = re.compile(r"(?i)\b(https?|www)([:.])")
_FENCE = re.compile("`{3,}")


def text(words: object) -> str:
    """Return foreign words so that Markdown shows them as they are, and makes no link of them."""
    return _LINKS.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain(words)))


def markdown(document: Document) -> str:
    """Return the document."""
    said = document.said
    parts = [
        f"# {text(document.title)}",
        f"**{text(said.title)}.** {text(said.numbers)}",
        f"Next: {text(said.next)}",
        "\n".join(f"- {text(name)}: {text(value)}" for name, value in document.facts),
        "## What was decided, when and why",
        _table(
            ("Time (UTC)", "Canary", "What"),
            [
                (f"{line.at:%H:%M:%S}", f"{line.weight} %", text(line.sentence))
                for line in document.lines
            ],
        ),
        *_evidence(document.evidence),
        *(
            ["## Evidence, step by step", *map(_chapter, document.chapters)]
            if document.chapters
            else []
        ),
        "## Spec",
        f"{_fence(document.spec)}yaml\n{document.spec.rstrip()}\n{_fence(document.spec)}",
        f"Made {moment(document.made_at)} by {text(document.made_by)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _evidence(evidence: Evidence) -> list[str]:
    if not evidence.rows:
        return []
    rows = [tuple(map(text, row)) for row in evidence.rows]
    return ["## Evidence over time", _table(HEADINGS, rows)]


def _chapter(chapter: Chapter) -> str:
    parts = [f"### {text(chapter.title)}"]
    if chapter.verdict is not None:
        parts.append(
            f"Last verdict after {chapter.looks:,} looks: **{chapter.verdict.value}**. "
            f"{text(capital(chapter.sentence))}."
        )
    if chapter.checks:
        headings = ("Check", "Canary", "Stable", "Limit", "Requests", "Verdict", "How sure")
        parts.append(_table(headings, [_cells(one) for one in chapter.checks]))
    return "\n\n".join(parts)


def _cells(check: CheckRow) -> tuple[str, ...]:
    numbers = (check.canary, check.stable, check.limit, f"{check.n:,}")
    return (text(check.name), *numbers, check.verdict.value, text(check.evidence))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fence(inside: str) -> str:
    longest = max((len(one) for one in _FENCE.findall(inside)), default=2)
    return "`" * (longest + 1)
