"""Drafts of the wizard at each of its questions, and setups under way, kept as the page does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.served import Served
from tests.support.stories import SPEC, make_rollout

from chimera.app.reports import PlanReport
from chimera.core.model import Change
from chimera.store.documents import Document
from chimera.web.wizard import keeping
from chimera.web.wizard.setups import KIND, Job

WRITES = (
    Change("+", "process logo-2-0", "one replica of 2", cost="none"),
    Change(
        "~",
        "listener rule logo-alb/89b27f77c2a9cdcc/fd664c7730fcd943/14a8544cbdcc5fcc",
        "5 % to 2",
        permission="elasticloadbalancing:ModifyRule, elasticloadbalancing:DescribeRules",
    ),
    Change("-", "process logo-1-0", "1 is not needed any more"),
)
PLAN = PlanReport(make_rollout(), WRITES, ())
_PLACED: dict[str, str | bool] = {"platform": "local", "place": "this machine"}
_CHOSEN: dict[str, str | bool] = {**_PLACED, "service": "promoted", "base": SPEC, "known": True}
QUESTIONS: dict[str, dict[str, str | bool]] = {
    "where": {},
    "place": {"platform": "ecs-alb", "region": "eu-west-1"},
    "service": _PLACED,
    "version": _CHOSEN,
    "limits": {**_CHOSEN, "version": "3"},
    "review": {**_CHOSEN, "version": "3", "strategy": "fast", "error_rate": "1%"},
}


async def keep_draft(site: Served, step: str, owner: str = "ada", **answers: str | bool) -> str:
    """Keep a draft that has come to a question; return the question's address."""
    draft = await keeping.begin(site.access, owner)
    draft = draft.model_copy(update={**QUESTIONS[step], **answers})
    await keeping.keep(site.access, draft)
    return f"/new/{draft.id}/{step}"


async def keep_setup(site: Served, job: Job, owner: str = "ada") -> str:
    """Keep a setup as far as it is; return the address of its progress."""
    key = f"setup-{len(job.done)}"
    until = datetime.now(UTC) + timedelta(hours=1)
    await site.access.documents.put(Document(KIND, key, job.model_dump_json(), owner, until))
    return f"/setup/{key}"
