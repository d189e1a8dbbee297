"""The wizard on AWS: a person who types nothing but what an expert changes in the file."""

from __future__ import annotations

import pytest
import yaml
from playwright.async_api import Page, expect
from tests.support.browser import browsing, visiting
from tests.support.cloud_house import ALB, MESH, CloudHouse, traffic
from tests.support.pages import documented
from tests.support.upped import upped

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        "house",
        [
            pytest.param(MESH, marks=pytest.mark.xdist_group("aws-mesh")),
            pytest.param(ALB, marks=pytest.mark.xdist_group("aws-alb")),
        ],
        indirect=True,
    ),
]
ROLLOUT_MS = 240_000


async def test_from_the_account_to_a_promoted_and_a_rolled_back_version(house: CloudHouse) -> None:
    async with (
        upped(house.folder / "page", house.env) as up,
        browsing() as browser,
        visiting(browser, up.url, code=up.code) as visit,
    ):
        page = visit.page
        await visit.decisions()
        await page.get_by_role("link", name="New rollout").click()
        await page.locator(f"input[value={house.platform}]").click()
        regions = page.locator("datalist#regions option")
        assert "eu-west-1" in await regions.evaluate_all("all => all.map(one => one.value)")
        await _go(page)
        await expect(page.get_by_text("You are")).to_be_visible()
        await expect(page.get_by_text("that a rollout needs")).to_be_visible()
        assert await visit.inspected(f"wizard-{house.platform}-place") == []
        await _go(page)
        await page.locator(f'input[value="found:{house.service}"]').click()
        assert await visit.inspected(f"wizard-{house.platform}-service") == []
        await _go(page)
        async with traffic(house) as met:
            await _version(page, "2")
            await _go(page)
            await expect(page.get_by_text("Every write, in order")).to_be_visible()
            taken = await visit.decisions()
            await _faster(page, house)
            assert await visit.inspected(f"wizard-{house.platform}-review") == []
            await visit.decisions()
            await _go(page, "Start the rollout")
            taken += await visit.decisions()
            assert documented("A first canary of a service on ECS") == len(taken), taken
            await page.get_by_role("heading", name="Promoted 2").wait_for(timeout=ROLLOUT_MS)
            assert (met.errors, met.lost) == (0, 0)
            await visit.shoot(f"wizard-{house.platform}-promoted")

            await expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=60_000)
            await visit.open(f"/new?service={house.service}")
            await expect(page.locator('input[name=version][value^="3 "]')).to_be_checked()
            await _version(page, "3")
            await page.get_by_text("As last time", exact=True).click()
            await _go(page)
            await _go(page, "Start the rollout")
            await page.get_by_role("heading", name="Rolled back").wait_for(timeout=ROLLOUT_MS)
            rollout = page.url.partition("?")[0]
            drawn = await page.request.get(f"{rollout}/graph.png")
            assert drawn.headers["content-type"] == "image/png"
            assert "data:image/png" in await (await page.request.get(f"{rollout}/report")).text()
            await visit.shoot(f"wizard-{house.platform}-rolled-back")
            assert met.lost == 0


async def _go(page: Page, button: str = "Continue") -> None:
    await page.get_by_role("button", name=button).click()


async def _version(page: Page, tag: str) -> None:
    """Choose an image by its tag; it is offered by its digest."""
    await expect(page.get_by_text("Newest images of its repository")).to_be_visible()
    await page.locator(f'input[name=version][value^="{tag} "]').click()
    await _go(page)
    await expect(page.get_by_text("How careful shall it be?")).to_be_visible()


async def _faster(page: Page, house: CloudHouse) -> None:
    """Take the range's time into the file that the review shows."""
    await page.get_by_text("The same as a file and a command").click()
    written = page.get_by_label("chimera.yaml")
    spec = yaml.safe_load(await written.input_value())
    spec["target"] |= {"period": f"{house.box.options.period_s}s", "propagation": "600ms"}
    spec.pop("latencyP95", None)  # machines are slow
    spec |= {
        "strategy": "fast",
        "steps": [{"setWeight": weight, "bake": "3s"} for weight in (20, 50, 100)],
        "errorRate": "5%",
        "scaleDownDelay": "1s",
        "drainTimeout": "10s",
        "analysis": {"noDataDeadline": "10m"},  # a busy machine sends little traffic
    }
    await written.fill(yaml.safe_dump(spec, sort_keys=False))
    await _go(page, "Use this file")
    await expect(page.get_by_text("Every write, in order")).to_be_visible()
