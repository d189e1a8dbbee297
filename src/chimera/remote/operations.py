"""The operations of `Chimera`, carried out by another one."""

# ruff: noqa: ARG002 - the other Chimera knows by the token who asks and in which role

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from chimera.app.anchor import anchored
from chimera.app.lock import Controller
from chimera.app.login import Login
from chimera.app.masking import adapter, as_plain
from chimera.app.operations import Chimera
from chimera.app.reports import (
    Answer,
    Line,
    LookView,
    PlanReport,
    Replay,
    Report,
    RolloutView,
    ServiceView,
    Sweep,
)
from chimera.core.access import Role
from chimera.core.analysis.outlook import Outlook
from chimera.core.errors import RolloutNotFound
from chimera.core.plan import Rollout
from chimera.core.spec import Spec, dump, load
from chimera.core.state import Phase
from chimera.platforms.catalog import option_models
from chimera.ports.platform import Check
from chimera.remote.client import ApiClient, Tell, quoted

_PAGE, _MOST_LOOKS = 200, 1_000
Plain = dict[str, Any]
Frame = tuple[RolloutView, Sequence[Line], Sequence[LookView]]


class RemoteChimera(Chimera):
    """Asks and acts over the API. Who acts is the owner of the token, whatever `by` says."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._following: list[AsyncGenerator[Frame]] = []
        self._planned: dict[str, str] = {}  # the specs of plans: reports come back masked

    def parse_spec(self, text: str, *, file: str = "") -> Spec:
        """Check a spec's text here; its folders are made absolute only where they mean the same."""
        spec = load(text, file=file, targets=option_models())
        if not self._client.login.same_machine:
            return spec
        folder = Path(file).parent.absolute() if Path(file).is_file() else Path.cwd()
        return anchored(spec, folder)

    async def read_spec(self, text: str) -> Spec:
        """Check a spec's text; the other Chimera knows what is masked in it."""
        return self.parse_spec(text)

    async def last_spec(self, service: str) -> Spec | None:
        """Return the spec of a service's latest rollout, masked; None if it never had one."""
        found = await self.history(service=service, limit=1)
        return self.parse_spec(found[0].rollout.spec) if found else None

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of a spec as this version knows it."""
        from chimera.core.spec import json_schema

        return json_schema(option_models())

    async def plan(
        self, spec: Spec, *, version: str = "", image: str = "", by: str = ""
    ) -> PlanReport:
        """Say what a deploy would do; changes nothing."""
        report = await self._plan(dump(spec), version, image, foresee=False)
        self._planned[report.rollout.id] = dump(spec)
        return report

    async def _plan(self, spec: str, version: str, image: str, **more: Any) -> PlanReport:
        body = {"spec": spec, "version": version, "image": image, **more}
        return await self._client.ask(PlanReport, "/plans", body)

    async def foresee(self, report: PlanReport, *, rate: float | None = None) -> PlanReport:
        """Add what the plan can see."""
        canary = report.rollout.canary
        more = {"foresee": True, **({} if rate is None else {"rate": rate})}
        rollout = report.rollout
        spec = self._planned.get(rollout.id, rollout.spec)
        found = await self._plan(spec, canary.name, canary.image, **more)
        return replace(report, outlook=found.outlook)

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
        """Start a rollout or the first installation; the other one makes its own outlook."""
        body: dict[str, Any] = {"spec": dump(spec), "version": version, "image": image}
        if plan is not None:
            body["plan"] = as_plain(plan)
        view: RolloutView = await self._client.write(RolloutView, "/rollouts", body)
        return view.rollout

    async def request(
        self, ref: str, verb: str, *, by: str, role: Role, reason: str = "", key: str = ""
    ) -> Answer:
        """Ask something of a rollout; RequestRefused if its state does not allow it."""
        path = f"/rollouts/{await self._id(ref)}/{verb}"
        return await self._client.write(Answer, path, {"reason": reason})

    async def retry(self, ref: str, *, by: str) -> Rollout | Answer:
        """Deploy it again, or try its cleanup again."""
        done = await self._client.write(Plain, f"/rollouts/{await self._id(ref)}/retry", {})
        if done["answer"] is not None:
            answer: Answer = adapter(Answer).validate_python(done["answer"])
            return answer
        view: RolloutView = adapter(RolloutView).validate_python(done["rollout"])
        return view.rollout

    async def status(self, ref: str) -> RolloutView:
        """Return one rollout; without a name the only live one, or else the last."""
        if ref:
            return await self._client.get(RolloutView, f"/rollouts/{quoted(ref)}")
        live = await self.history(live=True, limit=2)
        if len(live) > 1:
            names = ", ".join(one.rollout.id for one in await self.history(live=True, limit=20))
            raise RolloutNotFound("several rollouts are live", hint=f"name one of {names}")
        found = live or await self.history(limit=1)
        if not found:
            raise RolloutNotFound("no rollout yet", hint="start one with `chimera deploy`")
        return found[0]

    async def _id(self, ref: str) -> str:
        return (await self.status(ref)).rollout.id

    async def history(
        self,
        *,
        service: str = "",
        live: bool | None = None,
        phase: Iterable[Phase] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RolloutView]:
        """Return rollouts, newest first."""
        found: list[RolloutView] = []
        asked = {"service": service, "live": live, "phase": [one.value for one in phase]}
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            page = await self._client.get(
                Plain, "/rollouts", **asked, limit=size, before=before, full=True
            )
            found += adapter(list[RolloutView]).validate_python(page["items"])
            before = page["next"] or ""
            if not before:
                break
        return found

    async def services(self) -> Sequence[ServiceView]:
        """Return every service that the token may see."""
        return await self._client.get(list[ServiceView], "/services")

    async def lines(self, ref: str, *, after: int = 0) -> Sequence[Line]:
        """Return a rollout's events, oldest first."""
        path = f"/rollouts/{await self._id(ref)}/events"
        return await self._client.get(list[Line], path, after=after)

    async def looks(
        self, ref: str, *, after: int = 0, limit: int | None = None, last: int | None = None
    ) -> Sequence[LookView]:
        """Return a rollout's looks, oldest first; last: only that many of the newest."""
        path = f"/rollouts/{await self._id(ref)}/looks"
        found: list[LookView] = []
        while limit is None or len(found) < limit:
            size = _MOST_LOOKS if limit is None else min(_MOST_LOOKS, limit - len(found))
            page = await self._client.get(Plain, path, after=after, limit=size)
            found += adapter(list[LookView]).validate_python(page["items"])
            if page["next"] is None:
                break
            after = page["next"]
        return found if last is None else found[-last:]

    def follow(self, ref: str) -> AsyncIterator[Frame]:
        """Yield the rollout and what is new, at once and on every change, until it is over."""
        made = self._frames(ref)
        self._following.append(made)
        return made

    async def _frames(self, ref: str) -> AsyncGenerator[Frame]:
        path = f"/rollouts/{await self._id(ref)}/stream"
        async with aclosing(self._client.events(path)) as events:
            async for data in events:
                yield (
                    adapter(RolloutView).validate_python(data["rollout"]),
                    adapter(list[Line]).validate_python(data["lines"]),
                    adapter(list[LookView]).validate_python(data["looks"]),
                )

    async def close(self) -> None:
        """End what is still followed, since who stopped reading did not, and disconnect."""
        for made in self._following:
            await made.aclose()
        await self._client.close()

    async def report(self, ref: str) -> Report:
        """Return all that was decided in a rollout."""
        return await self._client.get(Report, f"/rollouts/{await self._id(ref)}/report")

    async def picture(self, view: RolloutView) -> bytes | None:
        """Return none: the report on the other machine's page has it."""
        return None

    async def replay(self, ref: str, spec: Spec | None = None) -> Replay:
        """Judge a recorded rollout again."""
        body = {"spec": dump(spec)} if spec else {}
        return await self._client.ask(Replay, f"/rollouts/{await self._id(ref)}/replay", body)

    async def gc(self, *, dry_run: bool) -> Sweep:
        """Find, and unless `dry_run` remove, what nobody needs."""
        if dry_run:
            return await self._client.get(Sweep, "/gc")
        return await self._client.write(Sweep, "/gc", {})

    async def down(self, service: str) -> Sweep:
        """Remove a service altogether."""
        return await self._client.write(Sweep, f"/services/{quoted(service)}", method="DELETE")

    async def verify(self) -> tuple[bool, str]:
        """Check the ledger's hash chain."""
        found = await self._client.get(Plain, "/audit/ledger")
        return bool(found["ok"]), str(found["detail"])

    async def doctor(self, platform: str = "", spec: Spec | None = None) -> Sequence[Check]:
        """Check that everything Chimera needs is there."""
        if spec is not None:
            return await self._client.ask(list[Check], "/doctor", {"spec": dump(spec)})
        return await self._client.get(list[Check], "/doctor", platform=platform)

    def controller(self) -> Controller | None:
        """Return None: what runs over there is not this machine's."""
        return None


@asynccontextmanager
async def open_remote(login: Login, tell: Tell) -> AsyncIterator[RemoteChimera]:
    """Connect to another Chimera; disconnect at the end. tell: hears what takes long."""
    chimera = RemoteChimera(ApiClient(login, tell))
    try:
        yield chimera
    finally:
        await chimera.close()
