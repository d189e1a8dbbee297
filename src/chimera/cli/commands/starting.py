"""`init` and `demo`: the first steps."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from chimera.cli.app import DEPLOY, example
from chimera.cli.output import Output, on_terminal
from chimera.cli.params import ExternalId, Profile, Quiet, Role, identity_of

commands = typer.Typer()


@commands.command(
    rich_help_panel=DEPLOY,
    epilog=example(
        "chimera init",
        "chimera init --service logo --command 'python3 app.py {port}' --port 8080",
        "chimera init --platform ecs-alb --service checkout --region eu-west-1",
        then="look into the file, then chimera plan, then chimera deploy.",
    ),
)
def init(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The spec to write.")] = Path(
        "chimera.yaml"
    ),
    service: Annotated[str, typer.Option(help="The service's name.", metavar="NAME")] = "",
    command: Annotated[
        str, typer.Option(help="How one replica starts; {port} is its port.", metavar="CMD")
    ] = "",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where users reach it.", metavar="PORT")
    ] = 0,
    health: Annotated[
        str, typer.Option(help="Path that answers 2xx when it can serve.", metavar="PATH")
    ] = "/",
    strategy: Annotated[
        str, typer.Option(help="careful, balanced or fast.", metavar="NAME")
    ] = "balanced",
    platform: Annotated[
        str, typer.Option(help="local, ecs-alb or ecs-appmesh.", metavar="NAME")
    ] = "local",
    cluster: Annotated[str, typer.Option(help="ECS cluster, for ecs-*.", metavar="NAME")] = "",
    region: Annotated[
        list[str] | None,
        typer.Option(help="AWS region, for ecs-*; several are searched.", metavar="NAME"),
    ] = None,
    profile: Profile = "",
    role: Role = "",
    external_id: ExternalId = "",
    quiet: Quiet = False,
) -> None:
    """Write a commented spec for a service here, or for one found on AWS."""
    out = Output(quiet=quiet)
    where = "" if str(file) == "chimera.yaml" else f" {file}"
    if platform != "local":
        from chimera.cli.clouds import Wanted, init_on_aws

        wanted = Wanted(platform, service, cluster, tuple(region or ()), strategy)
        init_on_aws(file, wanted, identity_of("", profile, role, external_id), out)
        out.note(f"Next: chimera plan{where} --image REPOSITORY:TAG shows what would happen.")
        return
    from chimera.cli.new_spec import Answers, write_spec

    given = Answers(service=service, command=command, port=port, health=health, strategy=strategy)
    write_spec(file, given, ask=on_terminal())
    out.note(f"Wrote {file}.")
    out.note(f"Next: chimera plan{where} --version 1 shows what would happen, then deploy it.")


@commands.command(
    rich_help_panel=DEPLOY,
    epilog=example(
        "chimera demo",
        "chimera demo --keep --port 8080",
        "chimera demo --load http://127.0.0.1:8080/ --rate 50",
        "chimera demo --platform ecs-alb",
        then="chimera init writes a spec for your own service.",
    ),
)
def demo(
    platform: Annotated[
        str,
        typer.Option(
            help="local; aws is ecs-appmesh; ecs-alb. In a practice range, without an account.",
            metavar="NAME",
        ),
    ] = "local",
    rate: Annotated[int, typer.Option(min=1, max=5000, help="Requests per second.")] = 200,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the service; 0 takes a free one.")
    ] = 0,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Leave it running afterwards; what fails or is stopped is removed all the same.",
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="First show what would be done.")] = False,
    load: Annotated[
        str,
        typer.Option(
            help="Only send requests there, for 10 min or until Ctrl-C: for what --keep has left.",
            metavar="URL",
        ),
    ] = "",
    no_color: Annotated[bool, typer.Option("--no-color", help="Without colours.")] = False,
) -> None:
    """Watch a good version promoted and a bad one taken back, in 90 s.

    Ctrl-C stops it and removes everything. A canary is judged by requests, and those of the demo
    end with it: after --keep, send some by --load before you deploy another version.
    """
    demonstration: Any = import_module("chimera.demo")
    if load:
        if keep or plan or port or platform != "local":
            raise typer.BadParameter("--load goes with --rate alone")
        raise typer.Exit(demonstration.run_load(load, rate=rate, no_color=no_color))
    raise typer.Exit(
        demonstration.run_demo(
            platform=platform, rate=rate, port=port, keep=keep, plan=plan, no_color=no_color
        )
    )
