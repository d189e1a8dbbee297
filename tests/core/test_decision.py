"""The banner of a page, the buttons and the steps, for every story that is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.stories import TOLD, Story, baking, promoted

from chimera.app.presenting import current
from chimera.core.decision import Decision, decision
from chimera.core.offers import offers
from chimera.core.track import Mark, track

TITLES = {
    "preparing": "Starting 5",
    "baking": "Healthy so far at 25 %",
    "paused": "Paused at 25 %",
    "awaiting": "Waiting for an approval at 25 %",
    "rolled_back": "Rolled back",
    "aborted": "Aborted",
    "left_behind": "Cleanup incomplete",
    "failed_to_start": "Rolled back",
    "warm": "Promoted 2",
    "promoted": "Promoted 2",
    "reverted": "Rolled back",
}
NEXT = {
    "baking": "50 %, if it stays so.",
    "paused": "Resume goes on. Abort returns all traffic to 2.",
    "awaiting": "Approve leads to 50 %. Abort returns all traffic to 2.",
    "aborted": "All traffic is on 2. Retry deploys 4 again.",
    "promoted": "Nothing to do.",
}
OFFERS = {
    "preparing": ("pause", "abort"),
    "baking": ("pause", "promote", "abort"),
    "paused": ("resume", "promote", "abort"),
    "awaiting": ("approve", "promote", "abort"),
    "rolled_back": ("retry",),
    "aborted": ("retry",),
    "left_behind": ("retry",),
    "failed_to_start": ("retry",),
    "warm": ("promote", "revert"),
    "promoted": (),
    "reverted": ("retry",),
}
MARKS = {
    "preparing": (Mark.NEXT, Mark.NEXT, Mark.NEXT, Mark.NEXT),
    "baking": (Mark.DONE, Mark.NOW, Mark.NEXT, Mark.NEXT),
    "paused": (Mark.DONE, Mark.HELD, Mark.NEXT, Mark.NEXT),
    "awaiting": (Mark.DONE, Mark.HELD, Mark.NEXT, Mark.NEXT),
    "rolled_back": (Mark.DONE, Mark.FAILED, Mark.NEVER, Mark.NEVER),
    "aborted": (Mark.DONE, Mark.ABORTED, Mark.NEVER, Mark.NEVER),
    "promoted": (Mark.DONE,) * 4,
    "reverted": (Mark.DONE, Mark.DONE, Mark.DONE, Mark.FAILED),
}


def said(story: Story) -> Decision:
    view = story.view
    return decision(view.rollout, view.state, current(view, story.looks))


@pytest.mark.parametrize("name", TOLD)
def test_it_says_the_verdict_the_numbers_and_what_comes_next(name: str) -> None:
    found = said(TOLD[name]())
    assert found.title == TITLES[name]
    assert found.next == NEXT.get(name, found.next)
    assert found.numbers
    for text in (found.numbers, found.next):
        assert text[0].isupper() or text[0].isdigit(), text
        assert text.endswith("."), text
        assert "`chimera" not in text  # a page has buttons, not commands


@pytest.mark.parametrize("name", TOLD)
def test_what_is_offered_would_be_done(name: str) -> None:
    story = TOLD[name]()
    assert offers(story.rollout.plan, story.state, story.now) == OFFERS[name]


@pytest.mark.parametrize("name", MARKS)
def test_every_step_is_marked(name: str) -> None:
    story = TOLD[name]()
    found = track(story.rollout.plan, story.state, story.now)
    assert tuple(one.mark for one in found) == MARKS[name]


def test_a_step_counts_down_and_says_when_it_is_decided() -> None:
    story = baking()
    plan, state = story.rollout.plan, story.state
    assert track(plan, state, story.now)[1].words == "25 %, 5 s left"
    later = story.now + timedelta(seconds=9)
    assert track(plan, state, later)[1].words == "25 %, deciding"
    assert track(plan, state, story.now, stopped=True)[1].words == "25 %, interrupted"


def test_a_first_installation_has_no_steps() -> None:
    story = promoted()
    plan = replace(story.rollout.plan, install=True)
    assert track(plan, story.state, story.now) == ()
    assert decision(replace(story.rollout, plan=plan), story.state).title == "Installed"
