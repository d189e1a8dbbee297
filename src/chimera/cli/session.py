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
    from chimera.app.access import Access
    from chimera.app.cloud import Cloud
    from chimera.app.operations import Chimera
    from chimera.app.settings import Settings

T = TypeVar("T")
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

    async def run() -> T:
        async with _opened(out) as chimera:
            return await operation(chimera)

    return asyncio.run(run())


def _opened(out: Output) -> AbstractAsyncContextManager[Chimera]:
    from chimera.app import operations
    from chimera.app.login import find_login

    login = find_login(os.environ)
    if login is None:
        return operations.open_chimera(settings())
    from chimera.remote import open_remote

    return open_remote(login, out.note)


def on_cloud(operation: Callable[[Cloud], Awaitable[T]]) -> T:
    """Await `operation` on what can be done before there is a rollout."""
    from chimera.app.cloud import Cloud

    async def run() -> T:
        async with Cloud() as cloud:
            return await operation(cloud)

    return asyncio.run(run())


def on_access(operation: Callable[[Access], Awaitable[T]]) -> T:
    """Await `operation` on who may use this Chimera."""
    from chimera.app.access import open_access

    async def run() -> T:
        async with open_access(settings()) as access:
            return await operation(access)

    return asyncio.run(run())


def me() -> str:
    """Return who asks, for the record: the user's name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
