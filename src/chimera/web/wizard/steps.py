"""The six questions in their order, which of them are answered, and where the reader may go."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from chimera.web.wizard.draft import Draft


class Step(StrEnum):
    """One question; its value is its address."""

    WHERE = "where"
    PLACE = "place"
    SERVICE = "service"
    VERSION = "version"
    LIMITS = "limits"
    REVIEW = "review"


TITLES = {
    Step.WHERE: "Where",
    Step.PLACE: "Place",
    Step.SERVICE: "Service",
    Step.VERSION: "New version",
    Step.LIMITS: "Plan and limits",
    Step.REVIEW: "Review",
}
ORDER = tuple(Step)


def is_answered(draft: Draft, step: Step) -> bool:
    """Say whether a question has its answer."""
    answers = {
        Step.WHERE: draft.platform,
        Step.PLACE: draft.place,
        Step.SERVICE: draft.service and draft.base,
        Step.VERSION: draft.version or draft.image,
        Step.LIMITS: draft.strategy,
        Step.REVIEW: draft.rollout,
    }
    return bool(answers[step])


def next_of(draft: Draft) -> Step:
    """Return the first question that is still open."""
    return next((step for step in ORDER if not is_answered(draft, step)), Step.REVIEW)


def may_see(draft: Draft, step: Step) -> bool:
    """Say whether all questions before this one are answered."""
    return all(is_answered(draft, before) for before in ORDER[: ORDER.index(step)])


def before(step: Step) -> Step | None:
    """Return the question before, None at the first."""
    index = ORDER.index(step)
    return ORDER[index - 1] if index else None


def trail(draft: Draft, prefix: str, closed: Collection[Step] = ()) -> list[tuple[str, str]]:
    """Return (title, address) per question, "" where the reader cannot go, or not yet."""
    return [
        (TITLES[step], f"{prefix}/{step.value}" if _is_open(draft, step, closed) else "")
        for step in ORDER
    ]


def _is_open(draft: Draft, step: Step, closed: Collection[Step]) -> bool:
    return step not in closed and may_see(draft, step)
