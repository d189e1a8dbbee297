"""Where words go: data to stdout in the form asked for, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from chimera.cli.exits import ExitCode

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_WIDTH = 160


class Format(StrEnum):
    """table: for people. json, yaml: one document. jsonl: one JSON object per line."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise SystemExit(ExitCode.PIPE)

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or os.environ.get("COLUMNS")
    return Quiet(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if known else PIPE_WIDTH,
    )


def err_console() -> Console:
    """Return the console for messages."""
    return _console(stderr=True)


def out_console() -> Console:
    """Return the console for data that people read."""
    return _console(stderr=False)


def close_quietly() -> None:
    """Let the interpreter end without complaint although nobody reads stdout any more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def on_terminal() -> bool:
    """Whether a person is here to ask, and to draw for."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        return False
    return sys.stdin.isatty() and sys.stderr.isatty()


def can_draw() -> bool:
    """Whether a view can be drawn over and over."""
    return on_terminal() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


@dataclass(frozen=True, slots=True)
class Output:
    """How one command speaks."""

    format: Format = Format.TABLE
    quiet: bool = False

    @property
    def table(self) -> bool:
        """Whether people read the data."""
        return self.format is Format.TABLE

    def data(self, value: Any, table: Callable[[], RenderableType]) -> None:
        """Write a command's data: a report, several, or a plain value; `table` draws it."""
        if self.format is Format.TABLE:
            _print_table(table())
        elif self.format is Format.JSON:
            _write(json.dumps(_shown(value), indent=2, ensure_ascii=False))
        elif self.format is Format.YAML:
            import yaml

            _write(yaml.safe_dump(_shown(value), sort_keys=False, allow_unicode=True).rstrip())
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                self.row(one)

    def row(self, value: Any) -> None:
        """Write one JSON line now."""
        _write(json.dumps(_shown(value), ensure_ascii=False))

    def text(self, line: RenderableType) -> None:
        """Write one line of data for people; wrapped on a terminal only."""
        console = out_console()
        console.print(line, soft_wrap=not console.is_terminal)

    def note(self, message: str, style: str = "") -> None:
        """Say something that is not data, such as progress or what to do next."""
        if not self.quiet:
            from rich.text import Text

            from chimera.core.words import harmless

            console = err_console()
            text = Text(harmless(message), style=style)
            console.print(text, soft_wrap=not console.is_terminal)

    def show(self, thing: RenderableType) -> None:
        """Draw something that is not data."""
        if not self.quiet:
            err_console().print(thing)


def _shown(value: Any) -> Any:
    """Return a report as plain data; what may be secret is masked, since it ends up in CI logs."""
    from chimera.app.masking import plain

    return plain(value)


def _print_table(table: RenderableType) -> None:
    """Draw a table; where no terminal shows it, without the blanks that fill its lines."""
    console = out_console()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    _write("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def _write(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _stop()


def _stop() -> NoReturn:
    raise SystemExit(ExitCode.PIPE)
