"""What a person can ask of Chimera: the service functions behind every door.

Reading goes to the ledger and works while no controller runs. Acting goes to the engine: a running
controller (`chimera up`) is found through the data folder, otherwise one is started in a session of
its own for as long as there is work, so that closing a terminal never stops a rollout.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chimera import __version__
from chimera.app import cleaning, foreseeing, late, masking, past, planning, reading
from chimera.app.anchor import anchored
from chimera.app.asking import Asking
from chimera.app.launch import ensure_controller, wanting
from chimera.app.lock import find_controller, make_home
from chimera.app.reports import Answer, PlanReport, Sweep
from chimera.app.reviving import LOST, revive
from chimera.app.settings import Settings
from chimera.core import events as e
from chimera.core.access import Role
from chimera.core.analysis.outlook import Outlook, underpowered
from chimera.core.errors import (
    ChimeraError,
    RequestRefused,
    RolloutConflict,
    RolloutNotFound,
    SpecError,
)
from chimera.core.plan import Rollout
from chimera.core.spec import Spec, json_schema, load
from chimera.core.state import Phase
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

if TYPE_CHECKING:
    from chimera.engine.client import EngineClient

VERBS: dict[str, type[e.AnyRequest]] = {
    "pause": e.PauseRequested,
    "resume": e.ResumeRequested,
    "approve": e.ApproveRequested,
    "promote": e.PromoteRequested,
    "abort": e.AbortRequested,
    "revert": e.RevertRequested,
    "retry": e.RetryRequested,
}


Connect = Callable[[], Awaitable["EngineClient"]]


class Chimera(Asking):
    """All operations. Use `open_chimera(settings)`.

    connect: how the engine is reached; default: through the data folder's controller, which is
    started if none runs.
    """

    def __init__(
        self, settings: Settings, store: Store, catalog: Catalog, connect: Connect | None = None
    ) -> None:
        super().__init__(settings, store, catalog)
        self._engine = connect or functools.partial(_through_controller, settings)

    # Specs and plans

    def load_spec(self, path: str) -> Spec:
        """Read and check a spec file; SpecError with every problem and its line."""
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SpecError(
                f"cannot read {path}: {reason}", hint="`chimera init` writes one"
            ) from None
        return self.parse_spec(text, file=path)

    def parse_spec(self, text: str, *, file: str = "") -> Spec:
        """Check a spec's text; `file` names it in problems and anchors its relative folders."""
        folder = Path(file).parent.absolute() if Path(file).is_file() else Path.cwd()
        return anchored(load(text, file=file, targets=self._catalog.option_models()), folder)

    async def read_spec(self, text: str) -> Spec:
        """Check a spec's text; values that are masked in it are those of the service's last one."""
        spec = self.parse_spec(text)
        if not masking.is_masked(spec):
            return spec
        return masking.restored(spec, await self.last_spec(spec.service))

    async def last_spec(self, service: str) -> Spec | None:
        """Return the spec of a service's latest rollout, None if it never had one."""
        rows = await self._store.find(service=service, limit=1)
        if not rows:
            return None
        return self.parse_spec(rows[0].rollout.spec, file=f"spec of {rows[0].id}")

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of a spec, all platforms included."""
        return json_schema(self._catalog.option_models())

    async def plan(
        self, spec: Spec, *, version: str = "", image: str = "", by: str = ""
    ) -> PlanReport:
        """Say what a deploy would do; changes nothing."""
        platform = self._catalog.get(spec.target.platform)
        report = await planning.make_plan(platform, spec, version=version, image=image, by=by)
        planning.refuse_unasked(report, self.settings.providers)
        return await past.informed(self._store, report)

    async def foresee(self, report: PlanReport, *, rate: float | None = None) -> PlanReport:
        """Add what the plan can see at the traffic that stable meets now, or at `rate` requests/s.

        Watches stable for about a second unless `rate` is given.
        """
        platform = self._catalog.get(report.rollout.service.platform)
        recorded = await past.traffic(self._store, report.rollout.service.name)
        return await foreseeing.foresee(platform, report, rate, recorded)

    async def _forewarned(self, report: PlanReport, outlook: Outlook | None) -> Rollout:
        """Return the rollout with what its plan cannot see; a first canary is watched for it."""
        if report.first:
            return report.rollout
        recorded = await past.traffic(self._store, report.rollout.service.name)
        if outlook is None and recorded is not None:
            outlook = foreseeing.at_recorded(report, recorded).outlook
        elif outlook is None:
            outlook = (await self.foresee(report)).outlook
        return replace(report.rollout, warnings=underpowered(outlook))

    # Acting

    async def deploy(
        self,
        spec: Spec,
        *,
        version: str = "",
        image: str = "",
        by: str = "",
        plan: PlanReport | None = None,
        outlook: Outlook | None = None,
    ) -> Rollout:
        """Start a rollout or the first installation; RolloutConflict if one is live.

        plan: refuse with RolloutConflict if reality drifted from it. outlook: what the plan can
        see, if that was asked just now. RequestRefused if that version is the stable one already.
        """
        report = await self.plan(spec, version=version, image=image, by=by)
        if plan is not None:
            planning.refuse_drift(plan, report)
        planning.refuse_unchanged(report)
        if await self._finish_warm(spec.service):  # or somebody reverted it just before
            stable = report.rollout.stable
            report = await self.plan(spec, version=version, image=image, by=by)
            if plan is not None and report.rollout.stable != stable:
                planning.refuse_drift(plan, report)
            planning.refuse_unchanged(report)
        rollout = await self._forewarned(report, outlook)
        async with wanting(self.settings.home):
            client = await self._engine()
            await planning.refuse_moved(self._catalog.get(rollout.service.platform), rollout)
            await self._store.open_rollout(rollout, datetime.now(UTC), self.engines.name)
            await client.start(rollout)
        return rollout

    async def _finish_warm(self, service: str, why: str = "the next rollout is waiting") -> bool:
        """End a promoted rollout's wait with its old version, so that the next may start.

        False if there was none; RolloutConflict if it cannot be ended, as when it was reverted.
        """
        row = await self._store.live(service)
        if row is None:
            return False
        if row.state.phase is not Phase.RETIRING:
            raise RolloutConflict(
                f"{service} is held by rollout {row.id}, which is {row.state.words}",
                rollout=row.id,
                hint=f"watch it: `chimera status {row.id} --watch`; or `chimera abort {row.id}`",
            )
        said = await self.request(row.id, "promote", by="chimera", role=Role.ADMIN, reason=why)
        if not said.accepted:
            raise RolloutConflict(
                f"{service} is held by rollout {row.id}, which cannot be ended now: {said.text}",
                rollout=row.id,
                hint=f"`chimera status {row.id}` says what became of it; then deploy again",
            )
        async for seen, _, _ in reading.follow(self._store, row.id):
            if seen.state.over or seen.state.phase is Phase.CLEANUP_INCOMPLETE:
                break
        return True

    async def request(
        self, ref: str, verb: str, *, by: str, role: Role, reason: str = "", key: str = ""
    ) -> Answer:
        """Ask a rollout to pause, resume, promote, abort, approve, revert or retry.

        ref: a rollout id, a unique prefix of one, or a service's name (its live or latest rollout).
        key: a repeat with the same one gets the same answer and does nothing. role: what who asks
        is on this service; the owner of the data folder, who asks without signing in, is admin.
        """
        row = await reading.resolve(self._store, ref)
        key = key or uuid.uuid4().hex
        event = VERBS[verb](
            at=datetime.now(UTC), by=by, reason=reason, request=key, role=role.value
        )
        if not row.live:
            return late.answer(row.rollout, row.state, event)
        if not self.engines.drive(row.engine):
            return Answer(reading.elsewhere(row.id, row.engine), accepted=False)
        client = await self._engine()
        with suppress(RolloutNotFound):
            answer = await client.request(row.id, event)
            if not answer.refused:
                return Answer(answer.text, accepted=True)
        if not await revive(self._store, client, row):
            said = f"{LOST}; {row.service} is free again, `chimera gc` removes what is left"
            return Answer(f"{row.id}: {said}", accepted=verb == "abort")
        answer = await client.request(row.id, event)
        if answer.refused and not (row := await self._store.get(row.id)).live:
            return late.answer(row.rollout, row.state, event)  # it ended while this was asked
        return Answer(answer.text, accepted=not answer.refused)

    async def retry(self, ref: str, *, by: str) -> Rollout | Answer:
        """Deploy what was rolled back or aborted again; or retry an incomplete cleanup."""
        row = await reading.resolve(self._store, ref)
        if row.state.phase is Phase.CLEANUP_INCOMPLETE:
            if row.live:
                return await self.request(row.id, "retry", by=by, role=Role.OPERATOR)
            return cleaning.swept(
                await self._sweep(row.service)
            )  # it has given up: they are nobody's
        if row.live or row.state.phase is Phase.SUCCEEDED:
            raise RequestRefused(
                f"{row.id} is {row.state.words}: there is nothing to retry",
                hint="retry is for a rollout that was rolled back or aborted",
            )
        spec = self.parse_spec(row.rollout.spec, file=f"spec of {row.id}")
        canary = row.rollout.canary
        return await self.deploy(spec, version=canary.name, image=canary.image, by=by)

    # Keeping the house clean

    async def gc(self, *, dry_run: bool) -> Sweep:
        """Find, and unless `dry_run` remove, what no live rollout owns and no service needs."""
        return await self._sweep(dry_run=dry_run)

    async def _sweep(self, service: str = "", *, dry_run: bool = False) -> Sweep:
        async with wanting(self.settings.home):
            return await cleaning.sweep(
                self._store, self._catalog, self._engine, self.engines, service, dry_run=dry_run
            )

    async def down(self, service: str) -> Sweep:
        """Remove a service altogether; RolloutConflict while a rollout holds it.

        One that is promoted and keeps its old version warm is over for that.
        """
        row = await reading.resolve(self._store, service)
        if row.state.phase is Phase.RETIRING and self.engines.drive(row.engine):
            await self._finish_warm(row.rollout.service.name, "the service is removed")
        await cleaning.refuse_taken(self._store, self.engines, row)
        from chimera.engine.maintenance import Maintenance, maintain

        async with wanting(self.settings.home):
            client = await self._engine()
            done = await maintain(client, Maintenance(service=row.rollout.service, uninstall=True))
        return Sweep(done.removed + done.left, done.removed, done.left)


async def _through_controller(settings: Settings) -> EngineClient:
    from chimera.engine.client import EngineClient  # heavy, and reading needs none of it

    controller = await ensure_controller(settings)
    return await EngineClient.connect(settings.engine, controller.address)


@asynccontextmanager
async def open_chimera(settings: Settings) -> AsyncIterator[Chimera]:
    """Open the ledger and the catalog; close them at the end."""
    try:
        make_home(settings.home)
    except OSError as error:
        raise ChimeraError(
            f"cannot use the data folder {settings.home}: {error.strerror}",
            hint="set CHIMERA_HOME to a folder that you can write to",
        ) from None
    holder = find_controller(settings.home)
    # One that runs an older Chimera must not find its ledger changed under its hands.
    migrate = holder is None or holder.version in {"", __version__}
    async with open_store(settings.ledger_url, migrate=migrate) as store:
        catalog = Catalog(store.inventory, str(settings.home / "platforms"))
        yield Chimera(settings, store, catalog)
