"""The wizard as a person meets it: a real Chromium, a real controller, real services."""

import getpass
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser, Page, expect
from tests.support import webapp
from tests.support.browser import LOOP, PHONE, Visit, visiting
from tests.support.load import Load
from tests.support.marked import front_port
from tests.support.pages import documented
from tests.support.upped import Upped, upped

pytestmark = pytest.mark.timeout(600)
ROLLOUT_MS = 150_000
TO_A_CANARY_S = 120
# Nothing of this machine's own.
NO_AWS = {
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest_asyncio.fixture(loop_scope=LOOP)
async def up(tmp_path: Path) -> AsyncIterator[Upped]:
    async with upped(tmp_path / "home", NO_AWS) as running:
        try:
            yield running
        finally:
            for line in (await running.run("list", "-o", "jsonl")).splitlines():
                name = yaml.safe_load(line)["name"]
                await running.run("down", name, "--yes")


@pytest_asyncio.fixture(loop_scope=LOOP)
async def ada(up: Upped, browser: Browser) -> AsyncIterator[Visit]:
    # A browser writes into its console that a form was refused with 422.
    async with visiting(browser, up.url, code=up.code, tolerated=" 422 ") as visit:
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
    await visit.page.get_by_role("link", name="Try it on a practice service").click()
    await _go(visit.page, "Start the practice service")
    installed = visit.page.get_by_role("heading", name="Installed")  # a slow machine shows it first
    question = visit.page.get_by_text("Which version is new?")
    await expect(question.or_(installed)).to_be_visible(timeout=60_000)
    if await installed.is_visible():
        await visit.open("/new?service=practice-logo")


async def test_from_the_first_page_to_a_promoted_and_to_a_rolled_back_version(ada: Visit) -> None:
    page = ada.page
    began = time.monotonic()
    await ada.decisions()
    await _practise(ada)
    await ada.shoot("wizard-version")
    await _choose(page, "Version 2")
    await ada.shoot("wizard-limits")
    await _go(page)
    await expect(page.get_by_text("Every write, in order")).to_be_visible()
    await _go(page, "Start the rollout")
    await expect(page.locator(".step.now")).to_be_visible(timeout=ROLLOUT_MS)
    took_s, taken = time.monotonic() - began, await ada.decisions()
    assert took_s < TO_A_CANARY_S
    assert len(taken) < 10, taken
    assert documented("A first canary, on the practice service") == len(taken)
    await page.get_by_role("heading", name="Promoted 2").wait_for(timeout=ROLLOUT_MS)
    await ada.shoot("wizard-promoted")

    await ada.open("/new?service=practice-logo")
    await expect(page.get_by_text("It is the running version.")).to_be_visible()
    await _choose(page, "Version 3")
    await _go(page)
    await _go(page, "Start the rollout")
    await page.get_by_role("heading", name="Rolled back").wait_for(timeout=ROLLOUT_MS)
    await ada.shoot("wizard-rolled-back")


async def test_a_service_of_ones_own_from_its_command_to_a_rollback(ada: Visit) -> None:
    page, port = ada.page, front_port()
    await ada.decisions()
    await page.get_by_role("link", name="New rollout").click()
    await expect(page.get_by_text("Chimera's machine has no AWS credentials")).to_have_count(2)
    await expect(page.locator("input[value=ecs-alb]")).to_be_disabled()
    await _go(page)
    words = [sys.executable, webapp.__file__, "{port}", "{version}", "3=0.5"]
    for label, written in (("Name", "shop"), ("Port for its users", port), ("Command", words)):
        text = shlex.join(written) if isinstance(written, list) else str(written)
        await page.get_by_label(label, exact=True).fill(text)
    await _go(page)
    await page.get_by_label("Its version").fill("1")
    await _go(page)
    await _go(page)
    async with Load(port, rate=60):
        await _go(page, "Install 1")
        await page.get_by_role("heading", name="Installed").wait_for(timeout=ROLLOUT_MS)
        taken = await ada.decisions()
        assert documented("A first version of your own service, on this machine") == len(taken)
        await _next_version(ada)
        await _a_bad_version(ada)


async def _next_version(visit: Visit) -> None:
    """Deploy version 2 from the service's page, in steps that are over soon."""
    page = visit.page
    await visit.open("/services/shop")
    await visit.decisions()
    await page.get_by_role("link", name="Deploy a new version").click()
    await page.get_by_label("Another one").fill("2")
    await _go(page)
    await _go(page)
    await expect(page.get_by_text("Every write, in order")).to_be_visible()
    taken = await visit.decisions()
    await _hurry(page)
    await visit.decisions()
    await _go(page, "Start the rollout")
    await expect(page.locator(".step.now")).to_be_visible(timeout=ROLLOUT_MS)
    taken += await visit.decisions()
    assert documented("Its next version, as a canary") == len(taken), taken
    await page.get_by_role("heading", name="Promoted 2").wait_for(timeout=ROLLOUT_MS)


async def _a_bad_version(visit: Visit) -> None:
    """Deploy version 3 by the whole way again: what was answered before is chosen already."""
    page = visit.page
    await visit.open("/new")
    await _go(page)
    await expect(page.locator("input[value='known:shop']")).to_be_checked()
    await _go(page)
    await page.get_by_label("Another one").fill("3")
    await _go(page)
    await _choose(page, "As last time")
    await _go(page, "Start the rollout")
    await page.get_by_role("heading", name="Rolled back").wait_for(timeout=ROLLOUT_MS)
    await expect(page.locator(".step.failed")).to_contain_text("failed at 50 %")


async def _hurry(page: Page) -> None:
    """Write shorter steps into the file that the review shows."""
    await page.get_by_text("The same as a file and a command").click()
    assert "chimera deploy chimera.yaml --version 2" in await page.inner_text("#command")
    written = page.get_by_label("chimera.yaml")
    spec = yaml.safe_load(await written.input_value())
    spec["steps"] = [{"setWeight": weight, "bake": "5s"} for weight in (50, 100)]
    await written.fill(yaml.safe_dump({**spec, "scaleDownDelay": "1s"}, sort_keys=False))
    await _go(page, "Use this file")
    await expect(page.get_by_text("Every write, in order")).to_be_visible()


async def test_answers_are_kept_and_wrong_ones_are_explained(
    up: Upped, ada: Visit, browser: Browser
) -> None:
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
    async with visiting(browser, up.url, code=code, size=PHONE) as phone:
        await phone.open(address.removeprefix(up.url))
        await expect(phone.page.get_by_text("Which version is new?")).to_be_visible()
    await page.get_by_label("Another one").fill("1")
    await _go(page)
    await _go(page)
    await expect(page.get_by_text("This version is the running one already.")).to_be_visible()
    await ada.shoot("wizard-unchanged")


async def test_nobody_sees_anothers_draft_and_a_viewer_starts_nothing(
    up: Upped, ada: Visit, browser: Browser
) -> None:
    await ada.open("/new")
    draft = ada.page.url.removeprefix(up.url)
    await up.run("user", "add", "otto", "--role", "operator")
    await up.run("user", "add", "victor", "--role", "viewer")
    for name, sees in (("otto", "This draft is not there any more:"), ("victor", "operator")):
        code = await _link(up, name)
        tolerated = "40[34]"
        async with visiting(browser, up.url, code=code, tolerated=tolerated) as visit:
            await visit.open(draft)
            await expect(visit.page.locator("main")).to_contain_text(sees)
