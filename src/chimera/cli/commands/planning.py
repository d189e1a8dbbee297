"""`plan` and `schema`: what would happen, and what a spec may say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import DEPLOY, example
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output
from chimera.cli.params import OutputOption, Quiet
from chimera.cli.session import ask

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import PlanReport


commands = typer.Typer()


@commands.command(
    rich_help_panel=DEPLOY,
    epilog=example(
        "chimera plan chimera.yaml --version 2",
        "chimera plan logo --version 3 --out plan.json",
        then="chimera deploy starts it; with --plan plan.json only if nothing has drifted.",
    ),
)
def plan(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    target: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|SERVICE",
            show_default=False,
            help="A spec file, or a service deployed before; default: chimera.yaml here.",
        ),
    ] = "",
    version: Annotated[str, typer.Option(help="The new version's name.", metavar="V")] = "",
    image: Annotated[str, typer.Option(help="The new version's image.", metavar="I")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Save the plan for `chimera deploy --plan`.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Requests/s to reckon with; default: what stable meets now.",
            metavar="R",
            show_default=False,
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 10 if a deploy would change something.")
    ] = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Show what a deploy would do, in full; changes nothing."""
    speaker = Output(output, quiet)

    async def work(chimera: Chimera) -> PlanReport:
        from chimera.cli.sources import find_spec

        spec = await find_spec(chimera, target)
        report = await chimera.plan(spec, version=version, image=image)
        return await chimera.foresee(report, rate=rate)

    report = ask(work)
    from chimera.terminal.plans import plan_view

    speaker.data(report, lambda: plan_view(report))
    if out is not None:
        _save(report, out)
        speaker.note(f"Saved. Next: chimera deploy --plan {out}")
    if exit_code and not report.unchanged:
        raise typer.Exit(ExitCode.CHANGES)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _save(report: PlanReport, file: Path) -> None:
    import json

    from chimera.app.masking import as_plain
    from chimera.core.errors import SpecError

    try:
        text = json.dumps(as_plain(report), indent=2) + "\n"  # whole: a deploy compares with it
        with open(file, "w", encoding="utf-8", opener=_private) as plan:
            plan.write(text)
        file.chmod(0o600)
    except OSError as error:
        raise SpecError(f"cannot write the plan to {file}: {error.strerror}") from None
