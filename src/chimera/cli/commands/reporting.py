"""Reporting: a rollout as a document for colleagues."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import LOOK, example
from chimera.cli.output import Format, Output
from chimera.cli.params import Ref
from chimera.cli.session import ask
from chimera.core.errors import SpecError
from chimera.reporting import Form

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Report

commands = typer.Typer()


@commands.command(
    rich_help_panel=LOOK,
    epilog=example(
        "chimera report logo --file logo.html",
        "chimera report logo -o md",
        then="send the file to a colleague: it needs nothing else.",
    ),
)
def report(
    ref: Ref = "",
    form: Annotated[
        Form, typer.Option("--output", "-o", help="A page of its own, Markdown, or JSON.")
    ] = Form.HTML,
    file: Annotated[
        str, typer.Option(help="Write it there; default: to stdout.", metavar="FILE")
    ] = "",
) -> None:
    """Report a rollout: what was decided when and why, with charts."""

    async def work(chimera: Chimera) -> tuple[Report, bytes | None]:
        found = await chimera.report(ref)
        return found, await chimera.picture(found.rollout) if form is Form.HTML else None

    found, picture = ask(work)
    from chimera.reporting import write

    text = write(found, form, picture)
    if not file:
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(
            f"cannot write {file}: {error.strerror}", hint="name a file in a folder of yours"
        ) from None
    Output(Format.TABLE).note(f"Wrote {file}")
