"""Getting ready for AWS: setup, policy, discover."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import KEEP, example
from chimera.cli.asking import confirm
from chimera.cli.exits import ExitCode
from chimera.cli.output import Format, Output
from chimera.cli.params import (
    ExternalId,
    OutputOption,
    Profile,
    Quiet,
    Region,
    Role,
    Yes,
    identity_of,
)
from chimera.cli.session import on_cloud

if TYPE_CHECKING:
    from chimera.app.clouds import AnyCloud
    from chimera.core.model import Change

commands = typer.Typer()


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera setup practice --plan",
        "chimera setup practice --namespace shop/metrics",
        then="chimera init --platform ecs-appmesh writes a spec for a service there.",
    ),
)
def setup(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="The ECS cluster.")],
    namespace: Annotated[
        str, typer.Option(help="CloudWatch namespace that the metrics go to.")
    ] = "",
    image: Annotated[str, typer.Option(help="Another image of the CloudWatch agent.")] = "",
    region: Region = "",
    profile: Profile = "",
    role: Role = "",
    external_id: ExternalId = "",
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be done.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Undo it.")] = False,
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Prepare an ECS cluster, once: an agent publishes Envoy's metrics."""
    from chimera.cli.clouds import change_lines

    out, who = Output(output, quiet), identity_of(region, profile, role, external_id)

    async def look(cloud: AnyCloud) -> Sequence[Change]:
        found = await cloud.setup(who, cluster, namespace=namespace, image=image)
        return await (found.removal() if remove else found.plan())

    async def act(cloud: AnyCloud) -> Sequence[Change]:
        found = await cloud.setup(who, cluster, namespace=namespace, image=image)
        return await (found.remove() if remove else found.apply())

    changes = on_cloud(look, out)
    if plan or not changes:
        out.data(changes, lambda: change_lines(changes))
        out.note("Nothing to do." if not changes else "Nothing was changed.")
        return
    out.note(change_lines(changes))
    question = "Remove this?" if remove else "Do this?"
    if not confirm(question, yes=yes):
        out.note("Nothing was changed.")
        raise typer.Exit(ExitCode.STOPPED)
    done = on_cloud(act, out)
    out.data(done, lambda: f"{len(done)} of {len(changes)} done")


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera policy --platform ecs-alb --purpose deploy --cluster prod > policy.json",
        then="attach it to the user or role that runs Chimera; chimera doctor checks it.",
    ),
)
def policy(
    platform: Annotated[
        list[str] | None, typer.Option(help="ecs-alb or ecs-appmesh; default: both.")
    ] = None,
    purpose: Annotated[
        list[str] | None, typer.Option(help="discovery, setup or deploy; default: all.")
    ] = None,
    account: Annotated[str, typer.Option(help="Limit it to this account's number.")] = "*",
    region: Annotated[str, typer.Option(help="Limit it to this region.")] = "*",
    cluster: Annotated[str, typer.Option(help="Limit it to this ECS cluster.")] = "*",
    mesh: Annotated[str, typer.Option(help="Limit it to this mesh.")] = "*",
) -> None:
    """Print the least IAM policy under which Chimera works on AWS."""
    from chimera.app.cloud import PLATFORMS, PURPOSES, policy_document

    limits = {"account": account, "region": region, "cluster": cluster, "mesh": mesh}
    found = policy_document(platform or PLATFORMS, purpose or PURPOSES, **limits)
    print(json.dumps(found, indent=2))


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera discover ecs-alb --region eu-west-1 --region us-east-1",
        then="chimera init --platform ecs-alb writes a spec for one of them.",
    ),
)
def discover(
    platform: Annotated[
        str, typer.Argument(metavar="PLATFORM", help="ecs-alb or ecs-appmesh.")
    ] = "ecs-alb",
    region: Annotated[
        list[str] | None,
        typer.Option(help="AWS region; several can be given.", metavar="NAME"),
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="Only this ECS cluster's services.", metavar="NAME")
    ] = "",
    profile: Profile = "",
    role: Role = "",
    external_id: ExternalId = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List what runs on AWS, and why some of it cannot be used."""
    who, regions = identity_of("", profile, role, external_id), tuple(region or ())
    found = on_cloud(lambda cloud: cloud.discover(who, platform, regions=regions, cluster=cluster))
    from chimera.cli import tables

    Output(output).data(found, lambda: tables.findings(found))
