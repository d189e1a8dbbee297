"""Names that others gave, hostile ones, in every place of every page that shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.support.access import TEST, Browser
from tests.support.browser import LOOP
from tests.support.drafts import keep_draft, keep_setup
from tests.support.scripted import Script, record
from tests.support.served import Served
from tests.support.stories import Story, baking
from tests.web.test_pages import Markup

from chimera.app.cloud import Connection, ImageTag, Missing, Prospects, ServiceFacts
from chimera.app.reports import PlanReport
from chimera.core.access import Role
from chimera.core.errors import ProviderRefused
from chimera.core.model import Change, Revision, Service
from chimera.ports.platform import Check
from chimera.store.people import TokenRow, UserRow
from chimera.web.rendering import environment
from chimera.web.wizard import offers
from chimera.web.wizard.draft import Draft
from chimera.web.wizard.finding import Places
from chimera.web.wizard.offers import Offer
from chimera.web.wizard.setups import Job
from chimera.web.wizard.showing import plan_said
from chimera.web.wizard.steps import Step

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
EVIL = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}\u202e"
ROLLOUT = "evil-1"
WRITES = (Change("+", EVIL, EVIL, EVIL, EVIL),)
# What was given a hostile name -> the pages that show it.
PLACES = {
    "an image, its deployer and a warning": (
        f"/rollouts/{ROLLOUT}",
        f"/rollouts/{ROLLOUT}/report",
    ),
    "a user": ("/settings/users", "/settings/audit"),
    "a token": ("/settings/tokens",),
    "a secret": ("/settings/secrets",),
}
QUESTIONS = ("version", "limits", "review")


@pytest.fixture
def script() -> Script:
    return Script(
        plan=PlanReport(_story().rollout, (Change("+", EVIL, EVIL, EVIL, EVIL),), (EVIL,))
    )


@pytest_asyncio.fixture(loop_scope=LOOP)
async def hostile(site: Served) -> Served:
    """A site in which everything that has a name has a hostile one."""
    await record(site.chimera._store, _story())
    people, later = site.chimera._store.people, NOW + timedelta(days=9_000)
    await people.add_user(UserRow(EVIL, "", {EVIL: Role.ADMIN}, NOW, provider=EVIL))
    await people.add_token(TokenRow("evil", "h", "ada", EVIL, {EVIL: Role.VIEWER}, NOW, later))
    await site.access.vault.put(EVIL, SecretStr("x"), owner="ada")
    await site.access.audit.note(replace(TEST, name=EVIL), EVIL, EVIL)
    return site


def _story() -> Story:
    story = baking()
    story.rollout = replace(
        story.rollout,
        id=ROLLOUT,
        stable=Revision("1", image=EVIL),
        canary=Revision("2", image=EVIL),
        started_by=EVIL,
        warnings=(EVIL,),
    )
    return story


@pytest.mark.parametrize("name", [EVIL, "a b", "<b>", "\u202e", "a'b", "", "x" * 300])
def test_no_service_and_no_version_can_have_such_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        Service(name, "local")
    with pytest.raises(ValueError, match="cannot name"):
        Revision(name)


def check(where: str, text: str) -> None:
    """Fail unless the page shows it, and shows it as text alone."""
    assert "alert(1)" in text, f"{where} does not show it"
    assert "{{7*7}}" in text, where
    assert "<img src=x" not in text, where
    assert "<script>alert" not in text, where
    assert "\u202e" not in text, where
    # A report is one file, with its own style.
    assert set(Markup(text).inline) <= ({"style"} if "report" in where else set()), where


@pytest.mark.parametrize("what", PLACES)
async def test_whatever_has_a_hostile_name_is_shown_as_text(
    hostile: Served, ada: Browser, what: str
) -> None:
    for path in PLACES[what]:
        answer = await ada.get(path)
        assert answer.status_code == 200, path
        check(path, answer.text)


@pytest.mark.parametrize("step", QUESTIONS)
async def test_the_wizard_shows_hostile_answers_as_text(
    hostile: Served, ada: Browser, step: str
) -> None:
    wrong = {"service": EVIL, "version": EVIL, "image": EVIL, "error_rate": EVIL}
    path = await keep_draft(hostile, step, **wrong)
    answer = await ada.get(path)
    assert answer.status_code == 200
    check(path, answer.text)


async def test_streams_carry_them_as_text_too(hostile: Served, ada: Browser) -> None:
    async with (
        hostile.client("ada") as client,
        client.stream("GET", f"/rollouts/{ROLLOUT}/live") as answer,
    ):
        sent = ""
        async for line in answer.aiter_lines():
            sent += line
            if "alert(1)" in line and line.startswith("data: "):
                break
    assert "<img src=x" not in sent
    assert "<script>alert" not in sent


async def test_the_setup_shows_them_as_text(hostile: Served, ada: Browser) -> None:
    job = Job(cluster=EVIL, wanted=[EVIL], done=[EVIL], over=True, trouble=EVIL, hint=EVIL)
    check("setup", (await ada.get(await keep_setup(hostile, job))).text)


# AWS is not asked here: what it could answer goes into the pages that would show it.
REFUSED = ProviderRefused("aws", EVIL, EVIL, hint=EVIL)
TAG = ImageTag(EVIL, EVIL, EVIL, f"{EVIL}@{EVIL}", EVIL)
FACTS = ServiceFacts(
    Service("evil", "ecs-alb"),
    Revision("1", image=EVIL),
    EVIL,
    1,
    1,
    None,
    (Check(EVIL, False, EVIL, EVIL),),
)
OFFERS = (Offer(EVIL, EVIL, EVIL, EVIL), Offer("no", EVIL, EVIL, EVIL, EVIL))
ON_AWS: dict[str, dict[str, Any]] = {
    "where": {
        "offers": offers.platforms(EVIL, EVIL),
        "chosen": "",
        "aws": Prospects((EVIL,), (EVIL,), EVIL, why_not=EVIL),
        "profiles": [(EVIL, EVIL)],
        "roles": (EVIL,),
        "no_local": "",
    },
    "place": {
        "offers": OFFERS,
        "chosen": EVIL,
        "places": Places(
            OFFERS, Connection(EVIL, EVIL, EVIL, EVIL, EVIL, None), Missing((EVIL,), 9), REFUSED
        ),
    },
    "service": {
        "known": OFFERS,
        "found": OFFERS,
        "trouble": REFUSED,
        "chosen": EVIL,
        "may_add": False,
        "in_container": False,
    },
    "version": {
        "stable": EVIL,
        "past": OFFERS,
        "images": offers.images([TAG]),
        "facts": FACTS,
        "trouble": REFUSED,
        "practice": (),
        "chosen": EVIL,
        "offered": {EVIL},
    },
    "review": {
        "spec": EVIL,
        "command": EVIL,
        "report": PlanReport(_story().rollout, WRITES, ()),
        "said": plan_said(PlanReport(_story().rollout, (), ())),
        "trouble": None,
        "permissions": (EVIL,),
    },
}


@pytest.mark.parametrize("step", ON_AWS)
def test_what_aws_answers_is_shown_as_text(step: str) -> None:
    draft = Draft(id="d1", platform="ecs-alb", region=EVIL, profile=EVIL, role=EVIL, place=EVIL)
    frame = {
        **{"principal": None, "csrf": "c", "theme": "", "nav": "", "here": "/", "back": "/"},
        **{
            "trail": [],
            "current": 0,
            "title": "x",
            "form": {},
            "error": REFUSED,
            "step": Step(step),
        },
    }
    template = environment().get_template(f"new/{step}.html")
    text = template.render(**frame, draft=draft, may=lambda *_: True, **ON_AWS[step])
    check(step, text)
    assert text.count("alert(1)") > 5
