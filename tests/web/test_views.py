"""What the templates are given, for every story that is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.stories import TOLD, baking, preparing

from chimera.app.reports import LookView
from chimera.app.series import points
from chimera.core.access import Role
from chimera.core.plan import Gate, GateKind
from chimera.web.views.actions import action_of, actions
from chimera.web.views.charts import chart_data
from chimera.web.views.rollout import RolloutPage, rollout_page
from chimera.web.views.status import row_of, status_of

STATUS = {
    "preparing": ("Preparing", "live"),
    "baking": ("Progressing", "live"),
    "paused": ("Paused", "warn"),
    "awaiting": ("Awaiting approval", "warn"),
    "rolled_back": ("Rolled back", "bad"),
    "aborted": ("Aborted", "warn"),
    "left_behind": ("Cleanup incomplete", "bad"),
    "warm": ("Promoted, old version warm", "ok"),
    "promoted": ("Succeeded", "ok"),
}
BANNER = {
    "preparing": ("info", ""),
    "baking": ("ok", "healthy"),
    "paused": ("warn", ""),
    "awaiting": ("warn", ""),
    "rolled_back": ("bad", ""),
    "promoted": ("ok", ""),
}
TRAFFIC = {
    "preparing": "0 % on canary 5, 100 % on stable 2",
    "baking": "25 % on canary 4, 75 % on stable 2",
    "rolled_back": "0 % on canary 3, 100 % on stable 2",
    "promoted": "100 % on stable 2, 0 % on old 1",
}


def page_of(name: str) -> RolloutPage:
    story = TOLD[name]()
    return rollout_page(story.view, story.looks, story.now)


@pytest.mark.parametrize("name", STATUS)
def test_a_badge_says_it_in_words_and_with_a_sign(name: str) -> None:
    found = status_of(TOLD[name]().view)
    assert (found.text, found.kind) == STATUS[name]
    assert found.sign


@pytest.mark.parametrize("name", BANNER)
def test_the_banner_has_the_colour_of_its_verdict(name: str) -> None:
    found = page_of(name).banner
    assert (found.kind, found.word) == BANNER[name]


@pytest.mark.parametrize("name", TRAFFIC)
def test_the_bar_says_who_gets_the_traffic(name: str) -> None:
    traffic = page_of(name).traffic
    assert traffic is not None
    assert traffic.words == TRAFFIC[name]
    assert traffic.canary + traffic.stable == 100


def test_without_a_controller_nothing_is_claimed() -> None:
    story = baking()
    view = replace(story.view, unattended="No controller runs.")
    page = rollout_page(view, story.looks, story.now)
    assert page.status.text == "progressing, no controller"
    assert page.banner.said.title == "Last known: healthy so far at 25 %"
    assert page.traffic is not None
    assert page.traffic.was
    assert [one.ends for one in page.steps] == [None] * 4
    assert row_of(view).warning


def test_the_present_step_knows_when_it_ends() -> None:
    story = baking()
    now = [one for one in rollout_page(story.view, story.looks, story.now).steps if one.now]
    assert [one.words for one in now] == ["25 %, 5 s left"]
    assert now[0].gone_s(story.now) == 3.0
    assert now[0].gone_s(story.now + timedelta(minutes=1)) == now[0].bake_s


def test_a_first_installation_has_neither_traffic_nor_charts() -> None:
    story = preparing()
    install = replace(story.rollout, plan=replace(story.rollout.plan, install=True))
    page = rollout_page(replace(story.view, rollout=install), (), story.now)
    assert (page.traffic, page.charts, page.steps, page.stable) == (None, (), (), "")


def test_charts_hold_every_look_and_say_how_it_was_decided() -> None:
    story = TOLD["rolled_back"]()
    data = chart_data(story.view, story.looks)
    assert [one["n"] for one in data["points"]] == [one.number for one in story.looks]
    assert [one["unit"] for one in data["series"]] == ["ratio", "ms"]
    assert data["decided"] == "rolled back"
    assert data["points"][-1]["verdict"] == "unhealthy"
    assert chart_data(baking().view, story.looks)["decided"] == ""


def many(number: int) -> list[LookView]:
    """Looks in a row, of which one has no numbers."""
    story = baking()
    made = [replace(story.looks[-1], number=n + 1) for n in range(number)]
    gap = made[number // 2]
    made[number // 2] = replace(gap, look=replace(gap.look, gap="no answer"))
    return made


def test_many_looks_are_summed_and_none_is_lost() -> None:
    plan = baking().rollout.plan.analysis
    looks = many(5_000)
    found = points(plan, looks, 400)
    assert len(found) <= 402
    assert found[-1].number == 5_000
    assert [one.gap for one in found if one.gap] == ["no answer"]
    assert [one.values for one in found if one.gap] == [((None, None), (None, None))]
    whole = points(plan, looks[:1])[0].values
    assert found[0].values == whole  # the same look many times over has the same rates


@pytest.mark.parametrize(
    ("role", "verbs"), [(Role.VIEWER, []), (Role.OPERATOR, ["abort"]), (Role.ADMIN, None)]
)
def test_buttons_are_those_that_the_reader_may_press(role: Role, verbs: list[str] | None) -> None:
    story = baking(seconds=0, gate=Gate(GateKind.APPROVAL, "admin"))
    story.judged(story.watches())
    offered = ("approve", "promote", "abort")
    found = actions(story.view, offered, lambda needed: role.includes(Role(needed)))
    assert [one.verb for one in found] == (list(offered) if verbs is None else verbs)


@pytest.mark.parametrize("verb", ["pause", "resume", "approve", "promote", "abort", "revert"])
def test_every_question_says_what_it_leads_to(verb: str) -> None:
    action = action_of(baking().view, verb)
    assert action.question.endswith("?")
    assert action.effect.endswith(".")
    assert action.needs_reason == (verb in {"promote", "abort", "revert"})
