"""What a request to a rollout that is over is told: fulfilled already, or too late and why."""

from dataclasses import replace

import pytest
from tests.support.rollouts import AT, situation
from tests.support.stories import make_plan, make_rollout

from chimera.app import late
from chimera.app.operations import VERBS
from chimera.core.model import Revision
from chimera.core.plan import Rollout

AGAIN = "deploy 1 again: chimera deploy logo --version 1"


@pytest.mark.parametrize(
    ("where", "verb", "said", "accepted"),
    [
        ("aborted", "abort", "already aborted", True),
        ("rolled back", "abort", "already rolled back", True),
        ("rolled back", "revert", "already rolled back", True),
        ("succeeded", "promote", "already promoted", True),
        ("cleanup given up", "abort", "already rolled back; `chimera retry logo-3f9a1c`", True),
        ("succeeded", "abort", "too late to abort: the rollout is over", False),
        ("succeeded", "revert", f"kept warm for 5 s (scaleDownDelay) and is gone; {AGAIN}", False),
        ("aborted", "resume", "too late to resume: the rollout is over: aborted", False),
        ("rolled back", "promote", "too late to promote: the rollout is over", False),
        ("cleanup given up", "pause", "too late to pause: the rollout is over", False),
    ],
)
def test_a_late_request_is_answered_with_its_wish_in_mind(
    where: str, verb: str, said: str, accepted: bool
) -> None:
    rollout = make_rollout(plan=make_plan(warm_s=5))
    found = late.answer(rollout, situation(where), VERBS[verb](at=AT, by="ann"))
    assert said in found.text
    assert found.accepted is accepted


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        (make_rollout(plan=make_plan()), "scaleDownDelay is 0 s"),
        (make_rollout(plan=replace(make_plan(), install=True)), "nothing ran before it"),
        (
            replace(make_rollout(), stable=Revision("1", image="logo:1")),
            f"{AGAIN} --image logo:1",
        ),
    ],
)
def test_a_revert_that_comes_too_late_says_why_and_what_instead(
    rollout: Rollout, said: str
) -> None:
    found = late.answer(rollout, situation("succeeded"), VERBS["revert"](at=AT))
    assert said in found.text
    assert not found.accepted
