"""The wizard as a person meets it: a real Chromium, a real controller, real services."""

import getpass
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.support.browser import PHONE, Visit, browsing, visiting
from tests.support.upped import Upped, upped

pytestmark = pytest.mark.timeout(280)
ROLLOUT_MS = 150_000


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Upped]:
    async with upped(tmp_path / "home") as running:
        try:
            yield running
        finally:
            await running.run("down", "practice-logo", "--yes")


@pytest.fixture
async def ada(up: Upped) -> AsyncIterator[Visit]:
    # A browser writes into its console that a form was refused with 422.
    async with (
        browsing() as browser,
        visiting(browser, up.url, code=up.code, tolerated=" 422 ") as visit,
    ):
        yield visit


async def _choose(page: Page, *answers: str) -> None:
    """Choose one answer after the other, each on its page."""
    for answer in answers:
        await page.get_by_text(answer, exact=True).first.click()
        await _go(page)


async def _go(page: Page, button: str = "Continue") -> None:
    await page.get_by_role("button", name=button).click()


async def _link(up: Upped, name: str) -> str:
    """Return the code of a new one-time link."""
    found = re.search(r"/sign-in#([\w-]+)", await up.run("user", "link", name))
    assert found
    return found[1]


async def _practise(visit: Visit) -> None:
    await visit.open("/")
    await visit.page.get_by_role("link", name="New rollout").click()
    await visit.page.get_by_role("link", name="Try it on a practice service").click()
    await _go(visit.page, "Start the practice service")
    await expect(visit.page.get_by_text("Which version is new?")).to_be_visible(timeout=60_000)


async def test_from_the_first_page_to_a_promoted_and_to_a_rolled_back_version(ada: Visit) -> None:
    """Decisions of the reader: new, try it, start, version, plan, start: 6 of at most 10."""
    page = ada.page
    await _practise(ada)
    assert await ada.violations() == []
    await ada.shoot("wizard-version")
    await _choose(page, "Version 2")
    await ada.shoot("wizard-limits")
    assert await ada.violations() == []
    await _go(page)
    await expect(page.get_by_text("Every write, in order")).to_be_visible()
    await ada.shoot("wizard-review")
    assert await ada.violations() == []
    await page.get_by_text("The same as a file and a command").click()
    assert "chimera deploy chimera.yaml --version 2" in await page.inner_text("#command")
    await _go(page, "Start the rollout")
    await page.get_by_role("heading", name="Promoted 2").wait_for(timeout=ROLLOUT_MS)
    await ada.shoot("wizard-promoted")

    await ada.open("/new?service=practice-logo")
    await expect(page.get_by_text("It is the running version.")).to_be_visible()
    await _choose(page, "Version 3")
    await _go(page)
    await _go(page, "Start the rollout")
    await page.get_by_role("heading", name="Rolled back").wait_for(timeout=ROLLOUT_MS)
    await ada.shoot("wizard-rolled-back")


async def test_answers_are_kept_and_wrong_ones_are_explained(up: Upped, ada: Visit) -> None:
    page = ada.page
    await _practise(ada)
    await ada.open("/new")
    await _choose(page, "This machine")
    await page.get_by_text("A service that Chimera does not run yet", exact=True).click()
    await page.get_by_label("Name").fill("<b>shop</b>")
    await page.get_by_label("Port for its users").fill("70000")
    await page.get_by_label("Command").fill("./shop")
    await _go(page)
    refused = page.get_by_role("alert")
    await expect(refused).to_contain_text("port")
    await expect(page.get_by_label("Name")).to_have_value("<b>shop</b>")
    assert await ada.violations() == []
    await page.get_by_text("practice-logo", exact=True).click()
    await _go(page)
    address = page.url
    await page.reload()
    await expect(page.get_by_text("Which version is new?")).to_be_visible()
    # On a phone, in a browser of its own, the same person finds the same draft.
    code = await _link(up, getpass.getuser())
    async with browsing() as browser, visiting(browser, up.url, code=code, size=PHONE) as phone:
        await phone.open(address.removeprefix(up.url))
        await expect(phone.page.get_by_text("Which version is new?")).to_be_visible()
        await phone.shoot("wizard-version-phone")
        assert await phone.violations() == []
    await page.get_by_label("Another one").fill("1")
    await _go(page)
    await _go(page)
    await expect(page.get_by_text("This version is the running one already.")).to_be_visible()
    await ada.shoot("wizard-unchanged")


async def test_nobody_sees_anothers_draft_and_a_viewer_starts_nothing(
    up: Upped, ada: Visit
) -> None:
    await _practise(ada)
    draft = ada.page.url.removeprefix(up.url)
    await up.run("user", "add", "otto", "--role", "operator")
    await up.run("user", "add", "victor", "--role", "viewer")
    async with browsing() as browser:
        for name, sees in (("otto", "This draft is not there any more:"), ("victor", "operator")):
            code = await _link(up, name)
            tolerated = "40[34]"
            async with visiting(browser, up.url, code=code, tolerated=tolerated) as visit:
                await visit.open(draft)
                await expect(visit.page.locator("main")).to_contain_text(sees)
