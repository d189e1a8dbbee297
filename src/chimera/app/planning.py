"""From a spec to a rollout that could start: what would be done, and what to know before."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, runtime_checkable

from chimera.app.reports import PlanReport
from chimera.core.errors import RequestRefused, RolloutConflict, SpecError
from chimera.core.model import Revision, Service
from chimera.core.plan import Rollout, RolloutPlan, Step
from chimera.core.spec import Spec, describe, dump, plan_of, service_of
from chimera.ports.platform import Platform


def new_id(service: str) -> str:
    """Return an id for a rollout: the service's name and enough randomness to be its only one."""
    return f"{service}-{secrets.token_hex(3)}"


async def make_plan(
    platform: Platform, spec: Spec, *, version: str, image: str, by: str = ""
) -> PlanReport:
    """Work out what deploying a version by `spec` means now; reads only.

    SpecError when the revision cannot be told, has the name of another one that runs, or could not
    be judged.
    """
    service = service_of(spec)
    canary = platform.revision(service, version=version, image=image)
    stable = await platform.orchestrator.stable(service)
    _check_name(stable, canary)
    plan = plan_of(spec)
    if stable is None:
        plan = first_installation(plan)
    rollout = Rollout(
        id=new_id(service.name),
        service=service,
        stable=stable or canary,
        canary=canary,
        plan=plan,
        spec=dump(spec),
        started_by=by,
    )
    unchanged = stable is not None and _same(stable, canary)
    changes = () if unchanged else await platform.orchestrator.plan(service, canary)
    if changes and stable is not None:
        await _refuse_unjudged(platform, rollout)
    return PlanReport(
        rollout=rollout,
        changes=changes,
        notes=(*describe(spec, leased=platform.router.leased), *await _noted(platform, service)),
        first=stable is None,
        unchanged=unchanged,
    )


@runtime_checkable
class _Noting(Protocol):
    """A platform that knows more about a rollout to come than its writes."""

    async def notes(self, service: Service) -> tuple[str, ...]:
        """Return what to know before a rollout beside its writes, one sentence each."""


async def _noted(platform: Platform, service: Service) -> tuple[str, ...]:
    return await platform.notes(service) if isinstance(platform, _Noting) else ()


def first_installation(plan: RolloutPlan) -> RolloutPlan:
    """Return the plan of a service's very first version: nothing to compare with, no steps."""
    return replace(plan, install=True, steps=(Step(100, timedelta(0)),))


def refuse_unasked(report: PlanReport, providers: Mapping[str, str]) -> None:
    """Raise SpecError when a metric asks a provider whose address is not set."""
    for metric in report.rollout.plan.analysis.own:
        variable = f"CHIMERA_{metric.provider.upper()}_URL"
        if not providers.get(variable):
            raise SpecError(
                f"the metric '{metric.name}' asks {metric.provider}, whose address is not set",
                hint=f"set {variable}, for example http://127.0.0.1:9090",
            )


@runtime_checkable
class _Partial(Protocol):
    """Metrics that do not count every failure of every service."""

    async def uncounted(self, service: Service, revision: Revision) -> str:
        """Say why some failures are not counted, "" if all are."""


async def _refuse_unjudged(platform: Platform, rollout: Rollout) -> None:
    """Raise SpecError when only metrics of the operator's own could tell that a canary fails."""
    if rollout.plan.analysis.own or not isinstance(platform.metrics, _Partial):
        return
    why = await platform.metrics.uncounted(rollout.service, rollout.stable)
    if why:
        raise SpecError(
            f"a canary of {rollout.service.name} cannot be judged: {why}",
            hint="add a metric of your own under analysis.metrics, e.g. the rate of failed calls",
        )


def refuse_drift(planned: PlanReport, now: PlanReport) -> None:
    """Raise RolloutConflict when a saved plan no longer says what a deploy would do."""
    was, would = planned.rollout, now.rollout
    drifted = [
        what
        for what, same in (
            (f"stable is {would.stable.name}, not {was.stable.name}", was.stable == would.stable),
            ("the new version's settings changed", was.canary == would.canary),
            ("the steps or limits changed", _asked(was.plan) == _asked(would.plan)),
            ("the writes differ", planned.changes == now.changes),
        )
        if not same
    ]
    if drifted:
        raise RolloutConflict(
            f"the saved plan no longer fits: {'; '.join(drifted)}",
            hint="look at a fresh `chimera plan`, then deploy that",
        )


def refuse_unchanged(report: PlanReport) -> None:
    """Raise RequestRefused when the version that is to be deployed is the stable one already."""
    if report.unchanged:
        its = report.rollout
        raise RequestRefused(
            f"version '{its.canary.name}' of {its.service.name} is the stable one already",
            hint="nothing to do; name another one with --version or --image",
        )


async def refuse_moved(platform: Platform, rollout: Rollout) -> None:
    """Raise RolloutConflict when another version is stable now than when the plan was made.

    The next thing to do is to take the service: what a rollout names must be there.
    """
    found = await platform.orchestrator.stable(rollout.service)
    now = found.name if found else ""
    planned = "" if rollout.plan.install else rollout.stable.name
    if now == planned:
        return
    became = f"{now or 'nothing'} runs, not {planned or 'nothing'}"
    raise RolloutConflict(
        f"{rollout.service.name} changed while the rollout was being planned: {became}",
        hint="deploy again",
    )


def _asked(plan: RolloutPlan) -> RolloutPlan:
    """Return what the operator asked for, without what was learnt from the ledger since."""
    blank = replace(
        plan.analysis, error_dispersions=(), latency_dispersions=(), error_clumps=0, history=""
    )
    return replace(plan, analysis=blank)


def _same(stable: Revision, canary: Revision) -> bool:
    """Whether both are one version; where no image is named, it is that of the name's tag."""
    same_image = stable.image == canary.image or not (stable.image and canary.image)
    return stable.name == canary.name and stable.settings == canary.settings and same_image


def _check_name(stable: Revision | None, canary: Revision) -> None:
    if stable is not None and stable.name == canary.name and not _same(stable, canary):
        raise SpecError(
            f"version '{canary.name}' runs already, with other settings",
            hint="give the new one a name of its own: --version NAME",
        )
