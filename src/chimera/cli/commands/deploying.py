"""`deploy`: start a rollout and stay with it as far as asked."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import DEPLOY, example
from chimera.cli.asking import confirm
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output, can_draw, on_terminal
from chimera.cli.params import By, OutputOption, Quiet
from chimera.cli.session import ask, me

if TYPE_CHECKING:
    from datetime import timedelta

    from chimera.app.operations import Chimera
    from chimera.app.reports import PlanReport
    from chimera.core.spec import Spec


class Mode(Enum):
    """How long to stay: until decided with a live view or with lines, or not at all."""

    WATCH = "watch"
    WAIT = "wait"
    DETACH = "detach"


@dataclass(slots=True)
class Order:
    """What was asked for. started: the rollout's id, once there is one."""

    target: str
    version: str
    image: str
    plan: Path | None
    yes: bool
    by: str
    mode: Mode
    timeout: str
    out: Output
    started: str = ""


commands = typer.Typer()


@commands.command(
    rich_help_panel=DEPLOY,
    epilog=example(
        "chimera deploy chimera.yaml --version 2",
        "chimera deploy logo --version 3 --wait --timeout 20m",
        then="chimera status --watch comes back to a rollout; chimera abort ends it.",
    ),
)
def deploy(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    target: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|SERVICE",
            show_default=False,
            help="A spec file, or a service deployed before (its last spec is used again); "
            "default: chimera.yaml here.",
        ),
    ] = "",
    version: Annotated[str, typer.Option(help="The new version's name.", metavar="V")] = "",
    image: Annotated[str, typer.Option(help="The new version's image.", metavar="I")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and draw; the default on a terminal.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay, one line per change; the default elsewhere.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and leave.")] = False,
    timeout: Annotated[
        str, typer.Option(help="How long to stay at most; the rollout goes on.", metavar="TIME")
    ] = "",
    plan: Annotated[
        Path | None,
        typer.Option(help="A plan saved by `chimera plan --out`; refused if it no longer fits."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Start without asking; only a terminal is asked.")
    ] = False,
    by: By = "",
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Start a rollout, and stay until it is released or rolled back.

    Ctrl-C leaves; it never stops the rollout. Without --timeout, --wait ends after 1h.
    """
    mode = choose_mode(watch=watch, wait=wait, detach=detach)
    order = Order(
        target, version, image, plan, yes, by or me(), mode, timeout, Output(output, quiet)
    )
    try:
        code = ask(lambda chimera: carry_out(chimera, order), order.out)
    except KeyboardInterrupt:
        code = left(order)
    raise typer.Exit(code)


def choose_mode(*, watch: bool, wait: bool, detach: bool) -> Mode:
    """Return how long to stay; a terminal that cannot draw gets lines."""
    if watch + wait + detach > 1:
        raise typer.BadParameter("choose one of --watch, --wait and --detach")
    if detach:
        return Mode.DETACH
    return Mode.WATCH if can_draw() and not wait else Mode.WAIT


def left(order: Order) -> ExitCode:
    """Say how to come back after Ctrl-C."""
    out = order.out
    if not order.started:
        out.note("Stopped before a rollout was started.")
        return ExitCode.STOPPED
    ref = order.started
    out.note(f"You left; rollout {ref} goes on.")
    out.note(f"Next: chimera status {ref} --watch comes back, chimera abort {ref} ends it.")
    return ExitCode.GOES_ON


async def carry_out(chimera: Chimera, order: Order) -> ExitCode:
    """Plan, ask where a person can answer, start, and stay as long as asked."""
    from chimera.cli.sources import read_plan, read_timeout

    timeout = read_timeout(order.timeout or "1h")
    saved = read_plan(order.plan) if order.plan else None
    spec = await _spec(chimera, order, saved)
    report = await chimera.plan(spec, version=order.version, image=order.image, by=order.by)
    name = report.rollout.canary.name
    if report.unchanged:
        order.out.note(f"Version {name} of {spec.service} is the stable one already.")
        return await _report_last(chimera, spec.service, order.out)
    report = await chimera.foresee(report)
    if not _confirmed(order, report):
        order.out.note("Nothing was started.")
        return ExitCode.STOPPED
    rollout = await chimera.deploy(
        spec,
        version=order.version,
        image=order.image,
        by=order.by,
        plan=saved,
        outlook=report.outlook,
    )
    order.started = rollout.id
    order.out.note(f"Started rollout {rollout.id}: {name} of {spec.service}.")
    if order.mode is Mode.DETACH:
        view = await chimera.status(rollout.id)
        order.out.data(view, lambda: rollout.id)
        order.out.note(f"Next: chimera status {rollout.id} --watch")
        return ExitCode.DONE
    limited = order.timeout or order.mode is Mode.WAIT
    return await stay(chimera, rollout.id, order, timeout if limited else None)


async def _spec(chimera: Chimera, order: Order, saved: PlanReport | None) -> Spec:
    """Return the spec, and take what is to be deployed from a saved plan where it is not given."""
    from chimera.cli.sources import find_spec

    if saved is None:
        return await find_spec(chimera, order.target)
    canary = saved.rollout.canary
    order.version, order.image = order.version or canary.name, order.image or canary.image
    if order.target:
        return await find_spec(chimera, order.target)
    return chimera.parse_spec(saved.rollout.spec, file=str(order.plan))


def _confirmed(order: Order, report: PlanReport) -> bool:
    """Say what the plan can see, if only a warning; ask where a person can answer."""
    from chimera.core.saying import say_warnings

    if on_terminal() and not order.yes:
        return _agreed(report, order.out)
    for words in say_warnings(report.outlook):
        order.out.note(words)
    return True


def _agreed(report: PlanReport, out: Output) -> bool:
    from chimera.terminal.plans import summary

    out.show(summary(report))
    return confirm("Start?", yes=False, default=True)


async def _report_last(chimera: Chimera, service: str, out: Output) -> ExitCode:
    from chimera.terminal import plain

    for view in await chimera.history(service=service, limit=1):
        out.data(view, functools.partial(plain, view.headline))
    return ExitCode.DONE


async def stay(chimera: Chimera, ref: str, order: Order, timeout: timedelta | None) -> ExitCode:
    """Follow a rollout and report how it ended."""
    from chimera.cli.following import Follower, advice

    live = order.mode is Mode.WATCH and not order.out.quiet
    follower = Follower(ref, order.out, live=live, patient=live)
    code = await follower.follow(chimera, timeout)
    follower.report()
    now = datetime.now(UTC)
    if follower.view is not None and (words := advice(follower.view, code, now)):
        order.out.note(f"Next: {words}")
    return code
