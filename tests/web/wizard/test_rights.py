"""What the wizard does for whom: the same as the API, at each question, not at the last alone."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from tests.support.access import TEST, Browser, browser_of
from tests.support.browser import LOOP
from tests.support.scripted import Script, record
from tests.support.served import Served
from tests.support.stories import SPEC, make_rollout, promoted

from chimera.app.access import Entry
from chimera.app.cloud import Cloud, Connection
from chimera.app.reports import PlanReport, RolloutView
from chimera.core.access import Role
from chimera.core.errors import ChimeraError, EngineError, RolloutConflict
from chimera.core.model import Service

ROLE = "arn:aws:iam::123456789012:role/deploys-mail"
TARGET = {"cluster": "prod", "service": "mail", "region": "eu-west-1", "role": ROLE}
SHOP = SPEC.replace("service: logo", "service: shop")
MAIL = f"""\
version: 1
service: mail
target: {{platform: ecs-alb, cluster: prod, service: mail, region: eu-west-1, role: "{ROLE}"}}
strategy: fast
errorRate: 1%
"""
OTHER = {"profile": "root", "role": "arn:aws:iam::123456789012:role/any", "region": "us-east-1"}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is asked of AWS, where nobody is."""
    calls: list[str] = []

    def told(name: str) -> None:
        async def method(*arguments: object, **_: object) -> object:
            calls.append(f"{name} {arguments[1:]}")
            return Connection("123456789012", "arn", "eu-west-1", "env", "", None)

        monkeypatch.setattr(Cloud, name, method)

    told("connect")
    for name in ("permissions", "discover", "regions"):
        told(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    return calls


@pytest.fixture
def script() -> Script:
    story = promoted()
    view = RolloutView(story.rollout, story.state, story.opened_at, story.opened_at, "")
    return Script(plan=PlanReport(make_rollout(), (), ()), frames=[(view, [], [])])


@pytest_asyncio.fixture(loop_scope=LOOP)
async def olga(site: Served) -> AsyncIterator[Browser]:
    """The browser of an operator of two services, one here and one on AWS."""
    for name, spec, service in (
        ("shop", SHOP, Service("shop", "local", {"port": 8080})),
        ("mail", MAIL, Service("mail", "ecs-alb", TARGET)),
    ):
        story = promoted()
        story.rollout = replace(story.rollout, id=f"{name}-1", service=service, spec=spec)
        await record(site.chimera._store, story)
    await site.access.users.grant("olga", {"shop": Role.OPERATOR, "mail": Role.OPERATOR}, by=TEST)
    async with browser_of(site.app, site.access, "olga") as browser:
        yield browser


async def _draft(person: Browser, service: str = "") -> str:
    """Begin; return the draft's address."""
    begun = await person.get(f"/new?service={service}" if service else "/new")
    assert begun.status_code == 303
    path = str(begun.headers["location"])
    await person.get(path)
    return path.rpartition("/")[0]


async def _until_review(person: Browser) -> str:
    draft = await _draft(person, "shop")
    await person.post(f"{draft}/version", {"version": "9"})
    done = await person.post(f"{draft}/limits", {"strategy": "fast", "error_rate": "1%"})
    assert done.headers["location"] == f"{draft}/review"
    return draft


async def test_aws_is_looked_at_by_operators_of_everything_alone(
    site: Served, olga: Browser, asked: list[str]
) -> None:
    draft = await _draft(olga)
    page = (await olga.get(f"{draft}/where")).text
    assert page.count("To look around there one is operator on everything.") == 2
    refused = await olga.post(f"{draft}/where", {"platform": "ecs-alb", **OTHER})
    assert refused.status_code == 403
    assert "may not look around on AWS" in refused.text
    assert asked == []
    async with browser_of(site.app, site.access, "otto") as otto:
        draft = await _draft(otto)
        taken = await otto.post(f"{draft}/where", {"platform": "ecs-alb", **OTHER})
        assert taken.headers["location"] == f"{draft}/place"
    assert any("connect" in one and "root" in one for one in asked)


async def test_a_known_service_on_aws_is_asked_for_as_its_spec_says(
    olga: Browser, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identities: list[object] = []

    async def facts(*arguments: object, **_: object) -> object:
        identities.append(arguments[1])
        raise ChimeraError("nobody is there")

    monkeypatch.setattr(Cloud, "facts", facts)
    draft = await _draft(olga, "mail")
    page = await olga.get(f"{draft}/version")
    assert page.status_code == 200
    assert f"{draft}/place" not in page.text
    assert [getattr(one, "role", "") for one in identities] == [ROLE, ROLE]
    assert (await olga.get(f"{draft}/place")).status_code == 403
    services = await olga.get(f"{draft}/service")
    assert services.status_code == 200
    assert f"{draft}/where" in services.text
    assert asked == []


async def test_another_target_is_refused_before_it_is_planned(
    olga: Browser, script: Script
) -> None:
    draft = await _until_review(olga)
    assert (await olga.get(f"{draft}/review")).status_code == 200
    planned = len(script.asked)
    for spec in (SHOP.replace("8080", "9999"), SHOP.replace("logo.py", "evil.py")):
        sent = {"do": "rewrite", "spec": spec}
        refused = await olga.post(f"{draft}/review", sent)
        assert refused.status_code == 403
        assert "target is not that of shop" in refused.text
    # The page that said so shows the plan of the draft as it was, and of nothing else.
    again = script.asked[planned:]
    assert {one[:2] for one in again} == {("plan", "shop")}
    kept = re.search(r"9999|evil", (await olga.get(f"{draft}/review")).text)
    assert kept is None
    taken = await olga.post(f"{draft}/review", {"do": "rewrite", "spec": SHOP + "lease: 30s\n"})
    assert taken.status_code == 303


async def _noted(site: Served) -> Entry:
    entry, *_ = await site.access.audit.entries(limit=1)
    return entry


async def test_a_start_that_is_refused_is_in_the_trail(
    site: Served, olga: Browser, script: Script
) -> None:
    draft = await _until_review(olga)
    for failure, status, outcome in (
        (RolloutConflict("shop is held by another", rollout="shop-2"), 409, "refused"),
        (EngineError("the engine does not answer"), 422, "failed"),
    ):
        script.failure = failure
        assert (await olga.post(f"{draft}/review")).status_code == status
        entry = await _noted(site)
        assert (entry.who, entry.action, entry.target) == ("olga", "rollouts.create", "shop")
        assert (entry.outcome, entry.detail) == (outcome, str(failure))
    await site.access.users.grant("olga", {"mail": Role.OPERATOR}, by=TEST)
    assert (await olga.post(f"{draft}/review")).status_code == 403
    entry = await _noted(site)
    assert (entry.who, entry.target, entry.outcome) == ("olga", "shop", "refused")
    assert not any(one[0] == "deploy" for one in script.asked[-1:])


async def test_a_start_is_in_the_trail_once(site: Served, olga: Browser) -> None:
    draft = await _until_review(olga)
    started = await olga.post(f"{draft}/review")
    assert started.headers["location"].startswith("/rollouts/")
    entries = await site.access.audit.entries(limit=2)
    assert [one.action for one in entries if "rollouts" in one.action] == ["rollouts.create"]
    assert entries[0].outcome == "done"
