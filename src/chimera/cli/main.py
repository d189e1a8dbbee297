"""The entry of the `chimera` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from chimera.cli.app import app, paragraphs
from chimera.cli.commands import (
    acting,
    admitting,
    clouding,
    connecting,
    deploying,
    keeping,
    looking,
    planning,
    practising,
    reporting,
    starting,
)
from chimera.cli.errors import guarded

__all__ = ["app", "main", "run"]

ROOMS = (
    *(starting, planning, deploying, acting, looking, reporting),
    *(keeping, admitting, connecting, clouding, practising),
)
for room in ROOMS:
    for command in room.commands.registered_commands:
        command.help = paragraphs(getattr(command.callback, "__doc__", None) or "")
    app.add_typer(room.commands)


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    return guarded(lambda: app(args=list(args), prog_name="chimera", standalone_mode=False), args)


def run() -> NoReturn:
    """Run the command of this process."""
    from chimera.cli.log_lines import note_trouble

    note_trouble()
    code = main(sys.argv[1:])
    if "temporalio" in sys.modules:
        # Its threads may call into an interpreter that is taken down, which aborts the process.
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
