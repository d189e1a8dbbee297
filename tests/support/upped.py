"""A real `chimera up` in a process of its own, on a free port, as an operator starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import nursery
from tests.support.eventually import eventually

_PAGE = re.compile(r"^page: (\S+)$", re.MULTILINE)
_CODE = re.compile(r"/sign-in#(\S+)")
_READY = re.compile(r"^ready: ", re.MULTILINE)


@dataclass
class Upped:
    """The running process. url: of its page; code: of its one-time link."""

    home: Path
    env: Mapping[str, str]
    process: nursery.Child
    log: Path
    url: str = ""
    code: str = ""

    async def ready(self) -> None:
        """Wait until it serves."""
        text = await eventually(self._says_ready, within_s=120, every_s=0.2)
        self.url, self.code = _PAGE.findall(text)[-1], _CODE.findall(text)[-1]

    def _says_ready(self) -> str:
        text = self.log.read_text(encoding="utf-8")
        assert self.process.returncode is None, text
        return text if _READY.search(text) else ""

    async def run(self, *words: str) -> str:
        """Run a command on the same data folder; return what it printed."""
        process = await nursery.start("chimera", *words, cwd=Path.cwd(), env=self.env)
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        assert process.returncode == 0, (out + err).decode()
        return out.decode()

    async def end(self, kind: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it is gone."""
        self.process.send_signal(kind)
        async with asyncio.timeout(60):
            await self.process.wait()


@asynccontextmanager
async def upped(
    home: Path,
    env: Mapping[str, str] | None = None,
    *words: str,
    listen: str = "127.0.0.1:0",
) -> AsyncIterator[Upped]:
    """Run a controller with its page while the block lasts; what serves users is not its end's.

    words: after `chimera up`. listen: the same port again lets a browser find it after a restart.
    """
    given = {**os.environ, **(env or {}), "CHIMERA_HOME": str(home), "CHIMERA_LISTEN": listen}
    log = _new_log(home, words)
    process = await nursery.quiet("chimera", "up", *words, cwd=Path.cwd(), env=given, log=log)
    made = Upped(home, given, process, log)
    try:
        await made.ready()
        yield made
    finally:
        await made.end()


def _new_log(home: Path, words: tuple[str, ...]) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"{home.name}{''.join(words)}.log"
    log.unlink(missing_ok=True)
    return log
