"""From a command to the service functions: the settings, the person, the event loop."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from chimera.cli.output import Output

if TYPE_CHECKING:
    from chimera.app.clouds import AnyCloud
    from chimera.app.login import Login
    from chimera.app.operations import Chimera
    from chimera.app.people import People
    from chimera.app.settings import Settings

T = TypeVar("T")
Opened = TypeVar("Opened")
NOTHING: Mapping[str, str] = MappingProxyType({})
PLAIN = Output()


def settings(chosen: Mapping[str, str] = NOTHING) -> Settings:
    """Return the settings of this process, from its environment and what was `chosen` instead."""
    from chimera.app.settings import Settings

    return Settings.from_environment({**os.environ, **chosen})


def ask(operation: Callable[[Chimera], Awaitable[T]], out: Output = PLAIN) -> T:
    """Open Chimera, here or where one is logged in, await `operation` and close it again.

    out: says it when another Chimera takes long.
    """
    return _within(lambda: opened(out), operation)


def opened(out: Output = PLAIN) -> AbstractAsyncContextManager[Chimera]:
    """Return Chimera, here or where one is logged in, for `async with`."""
    from chimera.app import operations

    login = _login()
    if login is None:
        return operations.open_chimera(settings())
    from chimera.remote import open_remote

    return open_remote(login, out.note)


def on_cloud(operation: Callable[[AnyCloud], Awaitable[T]], out: Output = PLAIN) -> T:
    """Await `operation` on AWS as it is seen from here, or from where one is logged in."""
    return _within(lambda: _cloud(out), operation)


def _cloud(out: Output) -> AbstractAsyncContextManager[AnyCloud]:
    login = _login()
    if login is None:
        from chimera.app.cloud import Cloud

        return Cloud()
    from chimera.remote.cloud import open_remote_cloud

    return open_remote_cloud(login, out.note)


def on_people(operation: Callable[[People], Awaitable[T]], out: Output = PLAIN) -> T:
    """Await `operation` on who may use Chimera, here or where one is logged in."""
    return _within(lambda: _people(out), operation)


def _people(out: Output) -> AbstractAsyncContextManager[People]:
    login = _login()
    if login is None:
        from chimera.app.access import Actor
        from chimera.app.people import open_people

        return open_people(settings(), Actor(me()))
    from chimera.remote.people import open_remote_people

    return open_remote_people(login, out.note)


def _login() -> Login | None:
    from chimera.app.login import find_login

    return find_login(os.environ)


def _within(
    opening: Callable[[], AbstractAsyncContextManager[Opened]],
    operation: Callable[[Opened], Awaitable[T]],
) -> T:
    async def run() -> T:
        async with opening() as found:
            return await operation(found)

    return asyncio.run(run())


def only_here(what: str) -> None:
    """Refuse what cannot be done to another Chimera while one is logged in there."""
    login = _login()
    if login is not None:
        from chimera.core.errors import SpecError

        raise SpecError(
            f"{what} works on this machine alone, and the commands talk to {login.url}",
            hint="for this machine: `chimera --server local ...`",
        )


def me() -> str:
    """Return who asks, for the record: the user's name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
