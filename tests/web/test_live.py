"""A real rollout watched live, steered, and watched on through a killed server."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.support.browser import LOOP, PHONE, Visit, visiting
from tests.support.house import House
from tests.support.house import house as open_house
from tests.support.load import Load
from tests.support.marked import front_port
from tests.support.spread import spread
from tests.support.upped import Upped, upped

from chimera.app import reading
from chimera.core.state import Phase
from chimera.store import open_store

pytestmark = pytest.mark.timeout(600)
expect.set_options(timeout=60_000)
HOSTILE = "<img src=x onerror=alert(1)> \u202e{{ 7*7 }}"
LONG = [{"setWeight": 20, "bake": "5m"}, {"setWeight": 100, "bake": "1s"}]


@pytest_asyncio.fixture(loop_scope=LOOP)
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def looks_of(house: House, ref: str) -> int:
    """How many looks the ledger has."""
    async with open_store(house.ledger_url) as store:
        return (await reading.resolve(store, ref)).looks


async def kept_of(house: House, ref: str) -> int:
    """How many of them count: a watch killed before its first heartbeat began anew."""
    async with open_store(house.ledger_url) as store:
        return len(await store.looks(ref))


async def points_of(page: Page) -> int:
    """How many points the chart shows."""
    return int(await page.locator("[data-plot='0']").get_attribute("data-points") or 0)


async def act(page: Page, button: str, reason: str = "") -> None:
    """Press a button of the rollout and confirm."""
    await page.locator("#actions").get_by_role("link", name=button).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    if reason:
        await dialog.get_by_label("Reason").fill(reason)
    await dialog.get_by_role("button", name=button).click()


async def heading(page: Page, words: str) -> None:
    await expect(page.locator("#banner-title")).to_contain_text(words)


async def test_a_good_version_is_paused_approved_and_promoted_before_two_tabs(
    house: House, browser: Browser
) -> None:
    steps = [
        {"setWeight": 20, "bake": "6s"},
        {"approval": {"role": "operator"}},
        {"setWeight": 100, "bake": "1s"},
    ]
    house.write_spec(steps=steps, scaleDownDelay="10m")
    async with upped(house.home, house.env) as up, Load(house.port, rate=60):
        await house.install("1")
        async with visiting(browser, up.url, code=up.code) as visit:
            page = visit.page
            await visit.open("/")
            await expect(page.locator("#live-now")).to_contain_text("Nothing is being rolled out")
            id_ = await house.deploy("2")
            await page.locator("#live-now").get_by_role("link", name="web").click()
            await expect(page.locator(".step.now")).to_contain_text("left")
            await act(page, "Pause", "lunch")
            await heading(page, "Paused at 20 %")
            other = await page.context.new_page()
            await other.goto(page.url)
            await heading(other, "Paused at 20 %")
            await expect(page.locator("#events")).to_contain_text("(lunch)")
            await visit.shoot("live-paused")
            await act(page, "Resume")
            await page.reload()
            await heading(page, "Waiting for an approval at 20 %")
            await heading(other, "Waiting for an approval at 20 %")
            await visit.shoot("live-approval")
            assert await visit.violations() == []
            await act(page, "Approve", "looks good")
            for tab in (page, other):
                await heading(tab, "Promoted 2")
                await expect(tab.locator("#head")).to_contain_text("old version warm")
            looks = await looks_of(house, id_)
            await expect(other.locator("[data-plot='0']")).to_have_attribute(
                "data-points", str(looks)
            )
            await visit.shoot("live-promoted")
            await visit.open("/services/web")
            await page.get_by_role("link", name="Revert to 1").click()
            dialog = page.get_by_role("dialog")
            await dialog.get_by_label("Reason").fill("support calls")
            await dialog.get_by_role("button", name="Revert to 1").click()
            await heading(page, "Rolled back")
            await expect(page.locator(".step.failed")).to_contain_text("reverted at 100 %")


async def test_a_bad_version_rolls_back_and_an_abort_works_by_keyboard_on_a_phone(
    house: House, browser: Browser
) -> None:
    house.write_spec(faults="3=0.5", steps=[*LONG[:1], {"setWeight": 50, "bake": "1s"}, LONG[1]])
    async with upped(house.home, house.env) as up, Load(house.port, rate=60):
        await house.install("1")
        async with visiting(browser, up.url, code=up.code, theme="dark") as visit:
            id_ = await house.deploy("3")
            await visit.open(f"/rollouts/{id_}")
            page = visit.page
            await heading(page, "Rolled back")
            await expect(page.locator("#banner")).to_contain_text("failed request")
            await expect(page.locator(".step.failed")).to_contain_text("failed at 20 %")
            await expect(page.locator(".step.never")).to_have_count(2)
            await expect(page.locator(".step.never").first).to_contain_text("not reached")
            await expect(page.locator("#evidence")).to_contain_text("unhealthy")
            await page.locator("summary", has_text="Show as table").first.click()
            rows = page.locator("[data-table='0'] tbody tr")
            await expect(rows.first).to_contain_text("unhealthy")
            await visit.shoot("live-rolled-back")
            # The stream has ended with the rollout: what came last is what there is.
            assert await points_of(page) == await looks_of(house, id_)
        code = await up_code(up)
        async with visiting(browser, up.url, code=code, size=PHONE) as visit:
            id_ = await house.deploy("2")
            await visit.open(f"/rollouts/{id_}")
            page = visit.page
            abort = page.locator("#do-abort")
            await expect(abort).to_be_in_viewport()  # the bar sticks to a phone's lower edge
            await expect(page.locator(".step.now")).to_contain_text("left")
            await abort.focus()
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_be_hidden()
            await expect(abort).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
            await visit.shoot("live-abort-phone")
            assert await visit.violations() == []
            await page.keyboard.type(HOSTILE)
            await page.keyboard.press("Tab")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await heading(page, "Aborted")
            shown = HOSTILE.replace("\u202e", "\ufffd")
            await expect(page.locator("#banner")).to_contain_text(shown)
            await expect(page.locator("#events")).to_contain_text(shown)
            assert await page.locator("main img").count() == 0


async def up_code(up: Upped) -> str:
    """Return a new one-time code of the owner."""
    said = await up.run("user", "link", await owner(up))
    return said.split("/sign-in#")[1].split()[0]


async def owner(up: Upped) -> str:
    async with open_store(f"sqlite:///{up.home / 'ledger.db'}") as store:
        return next(user.name for user in await store.people.users())


async def test_the_page_finds_a_killed_server_again_and_misses_nothing(
    house: House, browser: Browser
) -> None:
    house.write_spec(steps=LONG)
    listen = f"127.0.0.1:{front_port()}"
    lost = "ERR_|Failed to load resource|Failed to fetch|network error"
    async with Load(house.port, rate=60), upped(house.home, house.env, listen=listen) as up:
        await house.install("1")
        async with visiting(browser, up.url, code=up.code, tolerated=lost) as visit:
            page = visit.page
            id_ = await house.deploy("2")
            await visit.open(f"/rollouts/{id_}")
            await eventually_points(page, 6)
            await page.evaluate("window.same = true")
            await up.end(signal.SIGKILL)
            await expect(page.locator("#connection")).to_be_visible()
            await visit.shoot("live-offline")
            assert await visit.violations() == []
            async with upped(house.home, house.env, listen=listen):
                await expect(page.locator("#connection")).to_be_hidden()
                before = await looks_of(house, id_)
                await eventually_points(page, before + 4)
                shown, known = await points_of(page), await looks_of(house, id_)
                assert known - 3 <= shown <= known
                assert await page.evaluate("window.same")  # it was never loaded anew
                await act(page, "Abort", "enough seen")
                await heading(page, "Aborted")
                assert await points_of(page) == await kept_of(house, id_)


async def eventually_points(page: Page, least: int) -> None:
    """Wait until the chart has that many points."""
    await page.wait_for_function(
        "least => Number(document.querySelector('[data-plot]').dataset.points) >= least", arg=least
    )


async def test_replicas_behind_a_balancer_are_one_page(house: House, browser: Browser) -> None:
    house.write_spec(steps=LONG)
    port = front_port()
    env = {**house.env, "CHIMERA_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    first, second = (f"127.0.0.1:{front_port()}" for _ in range(2))
    lost = "ERR_|Failed to load resource|Failed to fetch|network error"
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upped(house.home, env, listen=first))
        web = await stack.enter_async_context(
            upped(house.home, env, "--only", "web", listen=second)
        )
        ports = [int(one.rpartition(":")[2]) for one in (first, second)]
        balancer = await stack.enter_async_context(spread(port, ports))
        await stack.enter_async_context(Load(house.port, rate=60))
        await house.install("1")
        visit: Visit = await stack.enter_async_context(
            visiting(browser, f"http://127.0.0.1:{port}", code=up.code, tolerated=lost)
        )
        page = visit.page
        id_ = await house.deploy("2")
        for path in ("/", "/history", "/services", "/settings", f"/rollouts/{id_}"):
            await visit.open(path)
        await eventually_points(page, 3)
        assert set(balancer.used) == set(ports)
        await act(page, "Pause", "by either replica")
        await heading(page, "Paused at 20 %")
        await web.end(signal.SIGKILL)
        known = await looks_of(house, id_)
        await eventually_points(page, known + 4)
        await act(page, "Abort", "done")
        await heading(page, "Aborted")
        view = await house.view(id_)
        assert view.state.phase in {Phase.ROLLING_BACK, Phase.ABORTED}
