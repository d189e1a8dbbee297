"""Reading the pages people read: Markdown's blocks, marks, links and commands.

A mark stands on the line before a block: `<!-- run -->` has its commands carried out,
`<!-- check: spec -->` has it read as a spec. On a page about the practice range, a run may need
traffic: `<!-- run: traffic alb, exit 3 -->`, which also says how it ends. Every `chimera` command
is checked, marked or not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\s*$")
_MARK = re.compile(r"^<!-- (run(?:: traffic \w+(?:, exit \d+)?)?|check: spec) -->$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`(chimera [^`]+)`")
_ENDS_A_COMMAND = re.compile(r"\s(?:\||;|&&|>|#)(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, its language, the mark before it, its text."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def name(self) -> str:
        """How a failing test names it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines that a person types."""
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def pages() -> list[Path]:
    """Return every page of the project, sorted."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted(found)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    mark = ""
    for number, line in lines:
        if fence := _FENCE.match(line):
            body = []
            for _, inner in lines:
                if inner.rstrip() == "```":
                    break
                body.append(inner)
            yield Block(page, number, fence[1], mark, "\n".join(body))
            mark = ""
        elif found := _MARK.match(line):
            mark = found[1]
        elif line.strip():
            mark = ""


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```\s*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links that stay inside the project."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers name them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def typed_commands(page: Path) -> list[str]:
    """Return every `$ chimera ...` line of a page."""
    typed = [command for block in blocks(page) for command in block.commands]
    return [command for command in typed if command.startswith("chimera ")]


def mentioned_commands(page: Path) -> list[str]:
    """Return every `chimera ...` inside a sentence, perhaps without its arguments."""
    return _INLINE.findall(prose(page))


def words(command: str) -> list[str]:
    """Split a command as a shell does, up to a pipe, a redirection or a comment."""
    return shlex.split(_ENDS_A_COMMAND.split(f"{command} ", maxsplit=1)[0])


def documented(way: str) -> int:
    """Return how many presses and fields the guide to the page says that a way takes."""
    guide = (ROOT / "docs" / "how-to" / "deploy-from-the-page.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {re.escape(way)} \| .* \| (\d+) \|$", guide, re.MULTILINE)
    assert row, f"no row '{way}'"
    return int(row[1])
