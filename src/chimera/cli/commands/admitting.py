"""Who may use this Chimera: users and tokens. The owner of the data folder needs none of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chimera.cli.app import KEEP, example
from chimera.cli.asking import ask_secret
from chimera.cli.commands.keeping import audit
from chimera.cli.output import Format, Output
from chimera.cli.params import OutputOption, Quiet
from chimera.cli.session import on_people

if TYPE_CHECKING:
    from chimera.app.access import Entry, TokenView, UserView
    from chimera.app.people import People

commands = typer.Typer()
user = typer.Typer(no_args_is_help=True, help="Say who may use the page and the API.")
token = typer.Typer(no_args_is_help=True, help="Make and revoke tokens for programs.")
commands.add_typer(user, name="user", rich_help_panel=KEEP)
commands.add_typer(token, name="token", rich_help_panel=KEEP)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user.", show_default=False)]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="viewer, operator, admin; ROLE@SERVICE for one.", metavar="ROLE"),
]


def _show_user(view: UserView, out: Output) -> None:
    from chimera.cli import people

    out.data(view, lambda: people.users([view]))


@user.command(
    epilog=example(
        "chimera user add ada --role operator",
        "chimera user add ben --role viewer --role operator@shop",
        then="send the link; it works once, and lets them set a password.",
    )
)
def add(
    name: Name,
    role: Roles = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password; from a pipe: read it.")
    ] = False,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Add a user, and print a link that signs in once.

    Without a role the user may sign in and see nothing.
    """
    out, word = Output(output, quiet), ask_secret("Password") if password else ""

    async def work(people: People) -> tuple[UserView, str]:
        from chimera.core.access import parse_grants

        view = await people.add_user(name, parse_grants(role or []), password=word)
        return view, "" if word else await people.link(name, hours=24)

    view, link = on_people(work, out)
    _show_user(view, out)
    if link:
        out.note(f"Sign in once, within 24 h: {link}")


@user.command(name="list", epilog=example("chimera user list"))
def list_users(output: OutputOption = Format.TABLE) -> None:
    """List the users and what each may do."""

    async def work(people: People) -> Sequence[UserView]:
        return await people.users()

    found = on_people(work)
    from chimera.cli import people

    Output(output).data(list(found), lambda: people.users(found))


@user.command(
    epilog=example(
        "chimera user grant ada --role admin", "chimera user grant ada", then="chimera user list"
    )
)
def grant(name: Name, role: Roles = None, output: OutputOption = Format.TABLE) -> None:
    """Replace what a user may do; without a role: nothing any more.

    What the groups of a sign-in provider grant stays.
    """

    async def work(people: People) -> UserView:
        from chimera.core.access import parse_grants

        return await people.grant(name, parse_grants(role or []))

    _show_user(on_people(work), Output(output))


@user.command(epilog=example("chimera user disable ada"))
def disable(name: Name, output: OutputOption = Format.TABLE) -> None:
    """Lock a user out: no sign-in, open sessions end, tokens are refused."""

    async def work(people: People) -> UserView:
        return await people.set_disabled(name, disabled=True)

    _show_user(on_people(work), Output(output))


@user.command(epilog=example("chimera user enable ada"))
def enable(name: Name, output: OutputOption = Format.TABLE) -> None:
    """Let a disabled user in again."""

    async def work(people: People) -> UserView:
        return await people.set_disabled(name, disabled=False)

    _show_user(on_people(work), Output(output))


@user.command(epilog=example("chimera user link ada", then="open it; it works once."))
def link(
    name: Name,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long it may wait.")] = 1,
    output: OutputOption = Format.TABLE,
) -> None:
    """Print a link that signs a user in once, also without the password."""

    async def work(people: People) -> str:
        return await people.link(name, hours=hours)

    found = on_people(work)
    Output(output).data({"link": found}, lambda: found)


@user.command(epilog=example("chimera user password ada"))
def password(name: Name, quiet: Quiet = False) -> None:
    """Set a user's password; the user's open sessions end."""
    out, word = Output(quiet=quiet), ask_secret(f"New password of {name}")

    async def work(people: People) -> None:
        await people.set_password(name, word)

    on_people(work, out)
    out.note(f"{name} has a new password.")


@token.command(
    epilog=example(
        "chimera token create ci --user ada --role operator@shop --days 90",
        then="keep it where your CI keeps secrets; it is not shown again.",
    )
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What uses it.")],
    user: Annotated[str, typer.Option("--user", help="Whose it is.", metavar="NAME")],
    role: Roles = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Until it expires.")] = 90,
    output: OutputOption = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Make a token for a program, and print it this once.

    It can do at most what its user can do; without a role just that.
    """
    out = Output(output, quiet)

    async def work(people: People) -> tuple[str, TokenView]:
        from chimera.core.access import parse_grants

        return await people.make_token(user, name, parse_grants(role or []), days=days)

    secret, view = on_people(work, out)
    out.data(
        {"token": secret, "id": view.id, "expires_at": view.expires_at.isoformat()}, lambda: secret
    )
    out.note(f"Its id is {view.id}; it ends {view.expires_at:%Y-%m-%d}. It is not shown again.")


@token.command(name="list", epilog=example("chimera token list"))
def list_tokens(
    user: Annotated[str, typer.Option("--user", help="Only this user's.", metavar="NAME")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List the tokens, without their secrets."""

    async def work(people: People) -> Sequence[TokenView]:
        return await people.tokens(user)

    found = on_people(work)
    from chimera.cli import people

    Output(output).data(list(found), lambda: people.tokens(found))


@token.command(epilog=example("chimera token revoke 3f9a1c20be44", then="chimera token list"))
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="As `chimera token list` shows.")],  # noqa: A002 - what it is
    quiet: Quiet = False,
) -> None:
    """Revoke a token for good; it is refused within seconds."""
    out = Output(quiet=quiet)

    async def work(people: People) -> None:
        await people.revoke(id)

    on_people(work, out)
    out.note(f"{id} is revoked.")


@audit.command(name="list", epilog=example("chimera audit list"))
def trail(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 50,
    output: OutputOption = Format.TABLE,
) -> None:
    """List who did what on the page and by the API, the newest first."""

    async def work(people: People) -> Sequence[Entry]:
        return await people.trail(limit=limit)

    found = on_people(work)
    from chimera.cli import people

    Output(output).data(list(found), lambda: people.trail(found))
