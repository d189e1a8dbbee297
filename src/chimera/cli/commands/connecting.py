"""`login` and `logout`: which Chimera the commands talk to."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chimera.cli.app import KEEP, example
from chimera.cli.asking import ask_secret
from chimera.cli.output import Output
from chimera.cli.params import Quiet

if TYPE_CHECKING:
    from chimera.app.login import Login

commands = typer.Typer()


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera login https://chimera.example.com",
        "chimera login https://chimera.example.com --ca authority.pem",
        then="the commands talk to it; chimera logout comes back to this machine.",
    ),
)
def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the page is.")],
    ca: Annotated[
        str, typer.Option(help="Certificates to trust beside the usual.", metavar="FILE")
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Let the commands talk to a Chimera elsewhere.

    Asks for an API token, which its settings page makes; from a pipe or CHIMERA_TOKEN it is read.
    It is kept in a file that only you can read. `up`, `demo`, `sandbox` and `policy` stay here.
    """
    from pathlib import Path

    from chimera.app.login import Login, checked_url, keep_login

    out, checked = Output(quiet=quiet), checked_url(url)
    token = os.environ.get("CHIMERA_TOKEN", "")
    if not token:
        out.note(f"Make a token at {checked}/settings, then paste it here.")
        token = ask_secret("Token", again=False).strip()
    known = Login(checked, token, str(Path(ca).absolute()) if ca else "")
    me: dict[str, Any] = asyncio.run(_introduced(known))
    keep_login(os.environ, known)
    roles = ", ".join(me["roles"]) or "no role"
    out.note(f"Signed in at {checked} as {me['name']}: {roles}.")


async def _introduced(known: Login) -> dict[str, Any]:
    """Say who we are over there; an error if nobody, or if it is not understood."""
    from chimera.remote.client import ApiClient

    client = ApiClient(known)
    try:
        found: dict[str, Any] = await client.get(dict[str, Any], "/me")
        return found
    finally:
        await client.close()


@commands.command(
    rich_help_panel=KEEP,
    epilog=example(
        "chimera logout",
        then="revoke the token on the settings page if nothing else uses it.",
    ),
)
def logout(quiet: Quiet = False) -> None:
    """Let the commands talk to this machine again."""
    from chimera.app.login import forget_login

    out, former = Output(quiet=quiet), forget_login(os.environ)
    said = f"Signed out of {former.url}." if former else "You were not signed in elsewhere."
    out.note(said)
