"""Setups under way: carried out in this process, and written down for whoever looks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from pydantic import BaseModel, Field

from chimera.app.cloud import Cloud, Identity
from chimera.core.errors import ChimeraError
from chimera.core.model import Change
from chimera.store.documents import Document, Documents

log = logging.getLogger(__name__)

KIND = "setup"
LIFE = timedelta(days=1)
BEAT_S = 5.0
GONE = timedelta(seconds=60)  # without a beat for so long, nobody is at it any more
DRAIN_S = 10.0
_AGAIN = "look at the cluster's setup again: going on does only what is missing"


class Job(BaseModel):
    """One setup under way, as the store keeps it: any replica can show it.

    wanted, done: the writes in words. over: nothing more will be done. trouble: why it ended early.
    beat_at: when whoever does it last said so.
    """

    cluster: str
    remove: bool = False
    wanted: list[str] = []
    done: list[str] = []
    over: bool = False
    trouble: str = ""
    hint: str = ""
    beat_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def ended(self, trouble: str, hint: str) -> None:
        """Note why it ended early."""
        self.trouble, self.hint = trouble, hint

    def seen(self, now: datetime) -> Job:
        """Return what is true of it: that it has ended, too, if whoever did it is gone."""
        if self.over or now - self.beat_at < GONE:
            return self
        said = {"trouble": "Chimera ended in the middle of it", "hint": _AGAIN}
        return self.model_copy(update={"over": True, **said})


@dataclass(frozen=True, slots=True)
class Work:
    """Carries out a setup and writes down how far it is."""

    documents: Documents
    key: str
    owner: str
    job: Job

    async def run(self, who: Identity) -> None:
        """Do all of it; whatever becomes of it is said on its page."""
        job, ended = self.job, asyncio.Event()
        beating = asyncio.create_task(self._beat(ended))
        try:
            await self._carry_out(who)
        except ChimeraError as error:
            job.ended(str(error), error.hint)
        except asyncio.CancelledError:
            job.ended("Chimera was stopped in the middle of it", _AGAIN)
            raise
        except Exception:  # else it would look as if all were well
            job.ended("something went wrong inside Chimera", "the controller's log has the details")
            log.exception("setup.failed", extra={"cluster": job.cluster})
        finally:
            ended.set()
            await beating
            job.over = True
            await self._kept()

    async def _carry_out(self, who: Identity) -> None:
        job = self.job

        async def tell(change: Change) -> None:
            job.done.append(_said(change))
            await self.keep()

        async with Cloud() as cloud:
            found = await cloud.setup(who, job.cluster)
            changes = await (found.removal() if job.remove else found.plan())
            job.wanted = [_said(change) for change in changes]
            await self.keep()
            await (found.remove(tell) if job.remove else found.apply(tell))

    async def _beat(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await ended.wait()
                    return
            await self._kept()

    async def _kept(self) -> None:
        try:
            await self.keep()
        except ChimeraError:
            log.exception("setup.not_kept", extra={"cluster": self.job.cluster})

    async def keep(self) -> None:
        """Write down how far it is."""
        now = datetime.now(UTC)
        self.job.beat_at = now
        body = self.job.model_dump_json()
        await self.documents.put(Document(KIND, self.key, body, self.owner, now + LIFE))


def start(app: FastAPI, work: Work, who: Identity) -> None:
    """Carry out a setup beside everything else."""
    task, running = asyncio.create_task(work.run(who)), _running(app)
    running.add(task)
    task.add_done_callback(running.discard)


def _running(app: FastAPI) -> set[asyncio.Task[None]]:
    if not hasattr(app.state, "setups"):
        app.state.setups = set()
    found: set[asyncio.Task[None]] = app.state.setups
    return found


async def close(app: FastAPI) -> None:
    """Let setups end by themselves for a while, then stop them: this process ends."""
    if running := _running(app):
        _, late = await asyncio.wait(running, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _said(change: Change) -> str:
    verb = {"+": "create", "~": "change", "-": "remove"}[change.action]
    return f"{verb} {change.resource}"
