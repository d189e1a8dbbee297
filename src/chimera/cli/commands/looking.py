"""Looking: status, list, history, logs, replay. All of it works while no controller runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import LOOK, example
from chimera.cli.completing import services
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output, can_draw
from chimera.cli.params import Full, OutputOption, Quiet, Ref
from chimera.cli.session import ask

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Line, LookView, Replay, RolloutView, ServiceView


commands = typer.Typer()


@commands.command(
    rich_help_panel=LOOK,
    epilog=example(
        "chimera status logo",
        "chimera status --watch",
        then="chimera logs has every event; pause, promote and abort steer it.",
    ),
)
def status(
    ref: Ref = "",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay until decided, with deploy's exit codes.")
    ] = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Show one rollout: traffic, steps, checks, events."""
    out = Output(output, quiet)
    if watch:
        _watch(ref, out)

    async def work(
        chimera: Chimera,
    ) -> tuple[RolloutView, Sequence[Line], Sequence[LookView]]:
        view = await chimera.status(ref)
        known = view.rollout.id
        return view, await chimera.lines(known), await chimera.looks(known)

    view, lines, looks = ask(work)
    from chimera.terminal import LiveView

    out.data(view, lambda: LiveView(view, lines, looks[-120:], datetime.now(UTC)))


def _watch(ref: str, out: Output) -> None:
    from chimera.cli.following import Follower, advice

    async def work(chimera: Chimera) -> ExitCode:
        view = await chimera.status(ref)
        live = can_draw() and not out.quiet
        follower = Follower(view.rollout.id, out, live=live, patient=True)
        code = await follower.follow(chimera, None)
        follower.report()
        now = datetime.now(UTC)
        if follower.view is not None and (words := advice(follower.view, code, now)):
            out.note(f"Next: {words}")
        return code

    try:
        code = ask(work)
    except KeyboardInterrupt:
        out.note("You left; the rollout goes on.")
        code = ExitCode.GOES_ON
    raise typer.Exit(code)


@commands.command(
    name="list",
    rich_help_panel=LOOK,
    epilog=example("chimera list", then="chimera status SERVICE shows its rollout."),
)
def list_services(output: OutputOption = Format.TABLE) -> None:
    """List the services and what runs."""

    async def work(chimera: Chimera) -> Sequence[ServiceView]:
        return await chimera.services()

    found = list(ask(work))
    from chimera.cli import tables

    Output(output).data(found, lambda: tables.services(found))


@commands.command(
    rich_help_panel=LOOK,
    epilog=example(
        "chimera history logo --limit 5",
        then="chimera logs ROLLOUT says why one of them ended as it did.",
    ),
)
def history(
    service: Annotated[
        str,
        typer.Argument(
            metavar="SERVICE",
            show_default=False,
            autocompletion=services,
            help="Only this service's.",
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
    full: Full = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """List rollouts, newest first.

    With -o json, jsonl or yaml each comes without its spec, plan, settings and findings, unless
    --full; chimera status ROLLOUT -o json has all of one.
    """

    async def work(chimera: Chimera) -> Sequence[RolloutView]:
        return await chimera.history(service=service, limit=limit)

    found = list(ask(work))
    from chimera.app.lean import lean_rollouts
    from chimera.cli import tables

    out = Output(output)
    rows = found if full or out.table else lean_rollouts(found)
    out.data(rows, lambda: tables.rollouts(found))


@commands.command(
    rich_help_panel=LOOK,
    epilog=example(
        "chimera logs logo --looks",
        "chimera logs logo --follow -o jsonl",
        then="chimera replay judges the same looks by another spec.",
    ),
)
def logs(
    ref: Ref = "",
    looks: Annotated[
        bool, typer.Option("--looks", help="Each look of the judge too, and what it said.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the rollout is over.")
    ] = False,
    full: Full = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Print a rollout's events, oldest first.

    With --looks and -o json, jsonl or yaml: the looks instead of the events, each without its
    latency buckets and findings, unless --full.
    """
    from chimera.cli.logging_view import LogWriter

    writer = LogWriter(ref, Output(output), looks=looks, full=full)
    try:
        ask(writer.follow if follow else writer.once)
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.GOES_ON) from None


@commands.command(
    rich_help_panel=LOOK,
    epilog=example(
        "chimera replay logo --spec stricter.yaml",
        then="put limits that you like better into the spec; chimera plan shows their effect.",
    ),
)
def replay(
    ref: Ref = "",
    spec: Annotated[
        str, typer.Option(help="Judge by this spec's limits; default: its own.", metavar="FILE")
    ] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Judge a recorded rollout again, by another spec."""

    async def work(chimera: Chimera) -> Replay:
        return await chimera.replay(ref, chimera.load_spec(spec) if spec else None)

    report = ask(work)
    from chimera.cli import tables

    Output(output).data(report, lambda: tables.replayed(report))
