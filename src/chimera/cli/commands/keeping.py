"""Keeping the house: up, doctor, gc, down, audit verify, schema, version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chimera import __version__
from chimera.cli.app import KEEP, example
from chimera.cli.asking import confirm
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output
from chimera.cli.params import OutputOption, Quiet, Yes
from chimera.cli.session import ask, only_here, settings

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Sweep
    from chimera.ports.platform import Check

commands = typer.Typer()
audit = typer.Typer(no_args_is_help=True, help="Prove that the ledger was not changed.")
commands.add_typer(audit, name="audit", rich_help_panel=KEEP)


class Only(StrEnum):
    """The part of Chimera that a process runs."""

    WEB = "web"
    WORKER = "worker"


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera up",
        "chimera up --listen 127.0.0.1:9000",
        then="open the page by the link that it prints, or use the other commands.",
    ),
)
def up(
    only: Annotated[
        Only | None,
        typer.Option(help="web: serve page and API. worker: drive rollouts.", show_default=False),
    ] = None,
    listen: Annotated[
        str, typer.Option(help="Where to serve; port 0 takes a free one.", metavar="HOST:PORT")
    ] = "",
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when no rollout is live; serves no page.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Drive rollouts, and serve the page and the API, in the foreground.

    Rollouts that were interrupted go on. Without it, a command that needs a controller starts one
    that ends by itself.
    """
    from chimera.serving import Role, serve_until_stopped

    out = Output(quiet=quiet)
    role = Role(only.value) if only else Role.ALL
    chosen = settings({"CHIMERA_LISTEN": listen} if listen else {})
    asyncio.run(serve_until_stopped(chosen, role, out.note, until_idle=until_idle))
    out.note("Stopped. Rollouts wait and go on with the next controller.")


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera doctor",
        "chimera doctor ecs-alb",
        "chimera doctor --file chimera.yaml",
        then="mend what says FAIL.",
    ),
)
def doctor(
    platform: Annotated[
        str,
        typer.Argument(metavar="PLATFORM", show_default=False, help="Only this platform's checks."),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="A spec: check what its rollouts need, where and as whom it says.",
            metavar="SPEC",
        ),
    ] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Check that everything Chimera needs is here."""

    async def work(chimera: Chimera) -> Sequence[Check]:
        return await chimera.doctor(platform, chimera.load_spec(str(file)) if file else None)

    found = list(ask(work))
    from chimera.cli import tables

    Output(output).data(found, lambda: tables.checks(found))
    if not all(check.ok for check in found):
        raise typer.Exit(ExitCode.FAILED)


@commands.command(
    rich_help_panel=KEEP,
    epilog=example("chimera gc --dry-run", "chimera gc", then="nothing; run it when in doubt."),
)
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Remove what no rollout owns and no service needs."""

    async def work(chimera: Chimera) -> Sweep:
        return await chimera.gc(dry_run=dry_run)

    out = Output(output, quiet)
    found = ask(work, out)
    from chimera.cli import tables

    out.data(found, lambda: tables.sweep(found, dry_run=dry_run))
    if dry_run and found.found:
        out.note("Next: chimera gc removes it.")
    _fail_if_left(found, out)


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera down logo",
        "chimera down --controller",
        then="chimera deploy installs it again.",
    ),
)
def down(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="The service to remove.", show_default=False)
    ] = "",
    controller: Annotated[
        bool, typer.Option("--controller", help="Then end the controller of this data folder.")
    ] = False,
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Remove a service and all that runs for it.

    Its history stays. With --controller, what drives rollouts and serves the page ends as well;
    the next command that needs it starts it again.
    """
    if not service and not controller:
        raise typer.BadParameter("name a service, or say --controller")
    if controller:
        only_here("--controller")
    out = Output(output, quiet)
    if service:
        _remove(service, out, yes=yes)
    if controller:
        from chimera.app.launch import stop_controller

        asyncio.run(stop_controller(settings()))
        out.note("No controller runs on this data folder.")


def _remove(service: str, out: Output, *, yes: bool) -> None:
    async def work(chimera: Chimera) -> Sweep | None:
        view = await chimera.status(service)
        name = view.rollout.service.name
        if not confirm(f"Remove {name}? It stops answering its users.", yes=yes):
            return None
        return await chimera.down(name)

    found = ask(work, out)
    if found is None:
        out.note("Nothing was removed.")
        raise typer.Exit(ExitCode.STOPPED)
    from chimera.cli import tables

    out.data(found, lambda: tables.sweep(found))
    _fail_if_left(found, out)


def _fail_if_left(found: Sweep, out: Output) -> None:
    for sentence in found.elsewhere:
        out.note(sentence)
    for sentence in found.unseen:
        out.note(sentence)
    if found.unseen:
        out.note("Something could not be looked at. Next: chimera doctor, then chimera gc.")
        raise typer.Exit(ExitCode.FAILED)
    if found.left:
        out.note("Something could not be removed. Next: chimera doctor, then chimera gc.")
        raise typer.Exit(ExitCode.FAILED)


@audit.command(
    epilog=example(
        "chimera audit verify",
        then="if it fails, compare the ledger with a backup; the row is named.",
    )
)
def verify(output: OutputOption = Format.TABLE) -> None:
    """Check the hash chains of the ledger and of the audit trail."""

    async def work(chimera: Chimera) -> tuple[bool, str]:
        return await chimera.verify()

    holds, said = ask(work)
    Output(output).data({"ok": holds, "detail": said}, lambda: said)
    if not holds:
        raise typer.Exit(ExitCode.FAILED)


@commands.command(rich_help_panel=KEEP, epilog=example("chimera version"))
def version() -> None:
    """Print the version."""
    print(f"chimera {__version__}")


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera schema > chimera.schema.json",
        then="point your editor at it: it completes and checks a spec while you type.",
    ),
)
def schema(
    output: Annotated[
        Format, typer.Option("--output", "-o", help="json, jsonl (one line) or yaml.")
    ] = Format.JSON,
) -> None:
    """Print the JSON Schema of a spec."""

    async def work(chimera: Chimera) -> dict[str, object]:
        return chimera.schema()

    found = ask(work)
    form = Format.JSON if output is Format.TABLE else output
    Output(form).data(found, lambda: "")
