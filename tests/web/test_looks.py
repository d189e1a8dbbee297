"""Every page in a real browser, in both themes: accessible, without an error or a CSP report."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.support.browser import PHONE, WIDE, visiting
from tests.support.drafts import PLAN, QUESTIONS, keep_draft, keep_setup
from tests.support.scripted import Script
from tests.support.served import Served
from tests.web.conftest import code_for

from chimera.web.wizard.setups import Job

PAGES = {
    "overview": "/",
    "history": "/history",
    "history-empty": "/history?service=warm&outcome=aborted",
    "services": "/services",
    "service": "/services/warm",
    "remove": "/services/promoted/remove",
    "account": "/settings",
    "tokens": "/settings/tokens",
    "users": "/settings/users",
    "secrets": "/settings/secrets",
    "audit": "/settings/audit",
    "abort": "/rollouts/paused-1/do/abort",
    "practice": "/practice",
    "setup": "/setup",
    **{
        name: f"/rollouts/{name}-1"
        for name in ("baking", "awaiting", "rolled-back", "left-behind", "warm", "preparing")
    },
}

# How far setups are: it ended early, or goes on.
SETUPS = {
    "setup-stopped": Job(
        cluster="prod",
        wanted=["create role chimera-agent", "create service chimera-agent"],
        done=["create role chimera-agent"],
        over=True,
        trouble="aws: ecs CreateService: not allowed",
        hint="allow ecs:CreateService to this identity",
    ),
    "setup-ready": Job(cluster="prod", wanted=["a", "b"], done=["a", "b"], over=True),
}

# Contrast depends on the theme, room on the size: two pairs meet all of both.
SHAPES = pytest.mark.parametrize(
    ("theme", "size"), [("light", WIDE), ("dark", PHONE)], ids=["light-wide", "dark-phone"]
)

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def script() -> Script:
    return Script(plan=PLAN)


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def pages_of(site: Served) -> dict[str, str]:
    """Return every page by its name: with each question of the wizard, and setups under way."""
    asked = {f"wizard-{step}": await keep_draft(site, step) for step in QUESTIONS}
    under_way = {name: await keep_setup(site, job) for name, job in SETUPS.items()}
    return {**PAGES, **asked, **under_way}


@SHAPES
async def test_every_page_is_accessible_and_clean(
    site: Served, browser: Browser, theme: str, size: tuple[int, int]
) -> None:
    shape = f"{theme}-{size[0]}"
    found = {}
    async with visiting(browser, site.url, theme=theme, size=size) as visit:
        await visit.open("/sign-in")
        await visit.shoot(f"sign-in-{shape}")
        found["sign-in"] = await visit.violations()
        await visit.sign_in(await code_for(site, "ada"))
        for name, path in (await pages_of(site)).items():
            await visit.open(path)
            await visit.page.wait_for_load_state("load")
            await visit.shoot(f"{name}-{shape}")
            found[name] = await visit.violations()
            wide = await visit.page.evaluate("document.documentElement.scrollWidth")
            if wide > size[0]:
                found[name].append(f"it is {wide} px wide")
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_errors_say_what_to_do_next(site: Served, browser: Browser, theme: str) -> None:
    async with visiting(
        browser, site.url, theme=theme, code=await code_for(site, "victor"), tolerated="40[34]"
    ) as visit:
        for path, title in (
            ("/nowhere", "There is no such page"),
            ("/rollouts/nothing-here", "There is no such page"),
            ("/settings/users", "You may not do this"),
            ("/rollouts/paused-1/do/abort", "You may not do this"),
        ):
            await visit.open(path)
            assert await visit.page.locator("h1").inner_text() == title
            assert "Next:" in await visit.page.locator("main").inner_text()
            assert await visit.violations() == []
        await visit.shoot(f"forbidden-{theme}")


@SHAPES
async def test_refusals_are_accessible_too(
    site: Served, browser: Browser, theme: str, size: tuple[int, int]
) -> None:
    shape = f"{theme}-{size[0]}"
    code = await code_for(site, "ada")
    async with visiting(
        browser, site.url, theme=theme, size=size, code=code, tolerated="4[0-9]{2}"
    ) as visit:
        page = visit.page
        await visit.open("/setup?cluster=prod&region=eu-west-1")
        await expect(page.get_by_role("alert")).to_contain_text("Next:")
        await visit.shoot(f"setup-refused-{shape}")
        assert await visit.violations() == []
        theme_form = "document.querySelector('form[action=\"/theme\"]')"
        await page.evaluate(f"{theme_form}.elements.csrf.value = 'old'")
        await page.evaluate(f"{theme_form}.requestSubmit()")
        await expect(page.locator("h1")).to_have_text("You may not do this")
        await visit.shoot(f"old-form-{shape}")
        assert await visit.violations() == []
        await page.goto(site.url.replace("127.0.0.1", "other.localhost"))
        await expect(page.locator("main")).to_contain_text("does not answer to this name")
        assert await visit.violations() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_report_is_accessible_as_a_file_of_its_own(
    site: Served, browser: Browser, theme: str, tmp_path: Path
) -> None:
    async with site.client() as client:
        report = await client.get("/rollouts/rolled-back-1/report.html")
    file = tmp_path / "report.html"
    file.write_text(report.text)
    async with visiting(browser, "file://", theme=theme) as visit:
        await visit.open(str(file))
        await visit.shoot(f"report-{theme}")
        assert await visit.violations() == []
        assert await visit.page.locator("svg path.canary").count() == 2


async def test_the_essentials_work_without_scripts(
    site: Served, browser: Browser, script: Script
) -> None:
    async with visiting(browser, site.url, scripts=False) as visit:
        page = visit.page
        await visit.open("/sign-in?next=/rollouts/baking-1")
        await page.get_by_text("Use a one-time link").click()
        await page.get_by_label("Code").fill(await code_for(site, "otto"))
        await page.get_by_role("button", name="Sign in with the code").click()
        await page.get_by_role("link", name="Abort").click()
        await page.get_by_label("Reason").fill("wrong build")
        await page.get_by_role("button", name="Abort").click()
        await page.wait_for_url("**/rollouts/baking-1")
        assert script.asked == [("abort", "baking-1", "otto", "wrong build")]
        await page.get_by_label("Your account: otto").click()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
        await visit.open("/history")
        assert await page.locator("h1").inner_text() == "Sign in to Chimera"


async def test_a_page_is_used_by_keyboard_alone(site: Served, browser: Browser) -> None:
    async with visiting(browser, site.url, code=await code_for(site, "ada")) as visit:
        page = visit.page
        await visit.open("/")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # skip to the content
        assert await page.evaluate("document.activeElement.id") == "main"
        focused = []
        await visit.open("/history")
        for _ in range(9):
            await page.keyboard.press("Tab")
            focused.append(await page.evaluate("document.activeElement.innerText ?? ''"))
        said = [one.strip() for one in focused]
        assert said[:7] == [
            *("Skip to the content", "Chimera", "Overview", "Services", "History", "Settings"),
            "New rollout",
        ]
        await page.locator("summary", has_text="ada").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Sign out").wait_for()
        await page.keyboard.press("Escape")
        assert not await page.get_by_role("button", name="Sign out").is_visible()
