"""`sandbox`: an AWS in a box to practise on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from chimera.cli.app import KEEP, example

commands = typer.Typer()
sandbox = typer.Typer(no_args_is_help=True, help="Practise without an account.")


@sandbox.callback()
def practise() -> None:
    """Practise without an account: an AWS in a box, with real tasks and real traffic."""


@sandbox.command(
    epilog=example(
        "chimera sandbox aws --seed appmesh",
        "chimera sandbox aws --seed alb --faults faults.yaml --speed 12",
        then="export what it prints, then chimera init, or chimera deploy.",
    )
)
def aws(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the endpoint; 0: any.")] = 0,
    speed: Annotated[
        float, typer.Option(min=1, help="How many times faster metrics and agents run.")
    ] = 60,
    propagation: Annotated[
        float, typer.Option(min=0, help="Seconds until proxies follow a route.", metavar="S")
    ] = 0.5,
    seed: Annotated[
        str, typer.Option(help="Build a stack first: appmesh, alb or all.", metavar="STACK")
    ] = "",
    faults: Annotated[
        Path | None, typer.Option(help="Rules of what goes wrong.", metavar="FILE")
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(help="What an image runs: PATTERN=COMMAND.", metavar="RULE"),
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
    held: Annotated[
        bool, typer.Option("--held", hidden=True, help="End with standard input.")
    ] = False,
) -> None:
    """Run an AWS in a box on this machine until Ctrl-C."""
    from chimera.core.errors import SpecError

    if output not in {"text", "json"}:
        raise SpecError(f"unknown output '{output}'", hint="known: json, text")
    from chimera.sandbox.main import run_sandbox

    raise typer.Exit(
        run_sandbox(
            port=port,
            speed=speed,
            propagation=timedelta(seconds=propagation),
            seed=seed,
            faults=faults,
            images=tuple(image or ()),
            as_json=output == "json",
            held=held,
        )
    )


@sandbox.command(
    epilog=example(
        "chimera sandbox seed",
        "chimera sandbox seed --stack alb --service shop",
        then="chimera init writes the spec of what it built.",
    )
)
def seed(
    stack: Annotated[str, typer.Option(help="appmesh or alb.", metavar="STACK")] = "appmesh",
    service: Annotated[str, typer.Option(help="Its name.", metavar="NAME")] = "logo",
    version: Annotated[str, typer.Option(help="The image it runs first.", metavar="TAG")] = "1",
    tasks: Annotated[int, typer.Option(min=0, help="How many.")] = 2,
    endpoint: Annotated[
        str, typer.Option(help="Of the range; AWS_ENDPOINT_URL by default.", metavar="URL")
    ] = "",
) -> None:
    """Build a user's stack in a range that runs, as a user would."""
    from chimera.sandbox.main import run_seed

    raise typer.Exit(
        run_seed(endpoint=endpoint, kind=stack, service=service, version=version, tasks=tasks)
    )


commands.add_typer(sandbox, name="sandbox", rich_help_panel=KEEP)
