"""Asking something of a rollout: pause, resume, promote, abort, revert, retry, approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from chimera.cli.app import STEER, example
from chimera.cli.asking import confirm
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output
from chimera.cli.params import By, OutputOption, Quiet, Reason, Ref, Yes
from chimera.cli.session import ask, me

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Answer, RolloutView

WATCH = "chimera status --watch shows what becomes of it."


def request(
    verb: str,
    ref: str,
    out: Output,
    *,
    by: str,
    reason: str,
    question: str = "",
    yes: bool = False,
) -> None:
    """Ask first if there is a question, then ask the rollout, and say what it answered."""

    async def work(chimera: Chimera) -> Answer | None:
        from chimera.core.access import Role

        view = await chimera.status(ref)
        asks = question and not view.state.over
        if asks and not confirm(question.format(**_names(view)), yes=yes):
            out.note("Nothing was asked of it.")
            return None
        return await chimera.request(
            view.rollout.id, verb, by=by or me(), role=Role.ADMIN, reason=reason
        )

    finish(ask(work, out), out)


def finish(answer: Answer | None, out: Output) -> None:
    """Report an answer and end with the exit code for it."""
    if answer is None:
        raise typer.Exit(ExitCode.STOPPED)
    if answer.accepted or not out.table:
        out.data(answer, lambda: _sentence(answer.text))
    if not answer.accepted:
        from chimera.core.errors import RequestRefused

        raise RequestRefused(answer.text)


def _names(view: RolloutView) -> dict[str, object]:
    rollout = view.rollout
    return {
        "service": rollout.service.name,
        "stable": rollout.stable.name,
        "canary": rollout.canary.name,
        "weight": view.state.weight,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


commands = typer.Typer()


@commands.command(
    rich_help_panel=STEER,
    epilog=example("chimera pause logo --reason 'lunch'", then="chimera resume goes on."),
)
def pause(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Hold the weight; an unhealthy canary is still rolled back."""
    request("pause", ref, Output(output, quiet), by=by, reason=reason)


@commands.command(rich_help_panel=STEER, epilog=example("chimera resume logo", then=WATCH))
def resume(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Go on after a pause."""
    request("resume", ref, Output(output, quiet), by=by, reason=reason)


@commands.command(
    rich_help_panel=STEER, epilog=example("chimera approve logo --by ada", then=WATCH)
)
def approve(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Open the approval that a rollout waits for."""
    request("approve", ref, Output(output, quiet), by=by, reason=reason)


@commands.command(
    rich_help_panel=STEER,
    epilog=example("chimera promote logo --reason 'hotfix' --yes", then=WATCH),
)
def promote(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Skip the steps that are left.

    100 % must still be healthy for its interval before the old version goes.
    """
    question = "Promote {service} {canary} now? All traffic goes to it, from {weight} %."
    out = Output(output, quiet)
    request("promote", ref, out, by=by, reason=reason, question=question, yes=yes)


@commands.command(
    rich_help_panel=STEER,
    epilog=example(
        "chimera abort logo --reason 'wrong build'",
        then="chimera retry deploys it again.",
    ),
)
def abort(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Return all traffic to the stable version now."""
    question = "Abort {service} {canary} at {weight} %? All traffic returns to {stable}."
    out = Output(output, quiet)
    request("abort", ref, out, by=by, reason=reason, question=question, yes=yes)


@commands.command(
    rich_help_panel=STEER,
    epilog=example("chimera revert logo --reason 'support calls'", then=WATCH),
)
def revert(
    ref: Ref = "",
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """After a promotion, return at once to the version before.

    Possible while it is kept warm: the spec says for how long (scaleDownDelay).
    """
    question = "Revert {service} to {stable}? All traffic leaves {canary} at once."
    out = Output(output, quiet)
    request("revert", ref, out, by=by, reason=reason, question=question, yes=yes)


@commands.command(
    rich_help_panel=STEER,
    epilog=example("chimera retry logo", then=WATCH),
)
def retry(
    ref: Ref = "", by: By = "", output: OutputOption = Format.TABLE, quiet: Quiet = False
) -> None:
    """Deploy it again after a rollback, or try a cleanup again."""
    out = Output(output, quiet)

    async def work(chimera: Chimera) -> Answer | RolloutView:
        from chimera.app.reports import Answer

        done = await chimera.retry(ref, by=by or me())
        return done if isinstance(done, Answer) else await chimera.status(done.id)

    from chimera.app.reports import Answer

    done = ask(work, out)
    if isinstance(done, Answer):
        finish(done, out)
        return
    out.data(done, lambda: done.rollout.id)
    out.note(f"Started again. Next: chimera status {done.rollout.id} --watch")
