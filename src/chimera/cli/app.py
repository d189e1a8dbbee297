"""The command-line application that the commands put themselves into."""

from __future__ import annotations

import inspect
import os
from typing import Annotated

import typer

from chimera import __version__
from chimera.cli.exits import exit_code_lines

DEPLOY, STEER, LOOK, KEEP = "Deploy", "Steer a rollout", "Look", "Keep the house"


app = typer.Typer(
    name="chimera",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\n".join(["Exit codes:", *exit_code_lines()]),
)


def example(*commands: str, then: str = "") -> str:
    """Return the epilog of a command: how it is used, and what comes next."""
    lines = ["Example:", *(f"$ {command}" for command in commands)]
    return "\n".join([*lines, *([f"Next: {then}"] if then else [])])


def paragraphs(text: str) -> str:
    """Return a docstring with each paragraph on one line, for a terminal of any width to wrap."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"chimera {__version__}")
        raise typer.Exit


def _choose_server(url: str) -> None:
    if url:
        os.environ["CHIMERA_SERVER"] = url


@app.callback()
def chimera(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    server: Annotated[
        str,
        typer.Option(
            help="Talk to the Chimera at this address; `local` is this machine's. "
            "Default: CHIMERA_SERVER, or where `chimera login` signed in.",
            metavar="URL",
            callback=_choose_server,
            show_default=False,
        ),
    ] = "",
) -> None:
    """Let a new version in step by step, watch it, and take it back if it is worse.

    Begin with `chimera demo` to see it, or with `chimera init` for your own service.
    """
