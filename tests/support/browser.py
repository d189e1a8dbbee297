"""A real Chromium on the page: as people see it, with what must never happen watched for.

A visit fails at its end if the page wrote an error to the console, threw one, or did what the
content security policy forbids. Screenshots are taken where $CHIMERA_TEST_SHOTS says a folder: they
are for eyes, and each takes half a second of processor.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

ROOT = Path(__file__).parents[2]
SHOTS = os.environ.get("CHIMERA_TEST_SHOTS", "")
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# The first is the same engine without windows: two thirds of the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = (1280, 900), (390, 844)
PATIENCE_MS = 30_000
# The scope of the loop that a shared browser lives on, and all that talks to it.
LOOP: Final = "session"
REPORTS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
COUNTING = """
(() => {
  const note = (what, once) => {
    const all = JSON.parse(sessionStorage.getItem("decisions") ?? "[]");
    if (once && all.includes(what)) return;
    sessionStorage.setItem("decisions", JSON.stringify([...all, what]));
  };
  const pressed = "a, button, summary, input[type=radio], input[type=checkbox]";
  addEventListener("click", (event) => {
    const on = event.target.closest?.(pressed);
    if (on) note(`press ${(on.innerText || on.value || "").trim()}`);
  }, true);
  addEventListener("change", (event) => {
    const on = event.target;
    if (!on.matches(pressed)) note(`fill ${on.name} at ${location.pathname}`, true);
  }, true);
})();
"""
DECISIONS = """
() => {
  const all = JSON.parse(sessionStorage.getItem("decisions") ?? "[]");
  sessionStorage.removeItem("decisions");
  return all;
}
"""
AUDIT = """
async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((one) =>
    `${one.id} (${one.impact}): ${one.help}: ` + one.nodes.map((node) => node.html).join(" | "));
}
"""


def chromium() -> str:
    """Return the browser of this machine; without one the test is skipped."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: install it (Debian: apt-get install chromium-headless-shell)")
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Run a headless Chromium while the block lasts."""
    options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=options)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """A person at a browser. problems: what must not happen and did; tolerated: what may."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    tolerated: str = ""

    async def open(self, path: str) -> None:
        """Open a page of the site."""
        await self.page.goto(f"{self.url}{path}")

    async def sign_in(self, code: str) -> None:
        """Follow a one-time link."""
        await self.open(f"/sign-in#{code}")
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)

    async def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = await self.page.evaluate(AUDIT)
        return found

    async def decisions(self) -> list[str]:
        """Return what was pressed and which fields were filled since this was asked last."""
        taken: list[str] = await self.page.evaluate(DECISIONS)
        return taken

    async def shoot(self, name: str) -> None:
        """Keep a screenshot of the whole page, if they are asked for."""
        if SHOTS:
            await self.page.screenshot(path=Path(SHOTS, f"{name}.png"), full_page=True)

    async def inspected(self, name: str) -> list[str]:
        """Keep a screenshot in both themes and on a phone; return what axe-core finds in any."""
        found = []
        shapes: list[tuple[Any, tuple[int, int]]] = [
            ("dark", WIDE),
            ("light", PHONE),
            ("light", WIDE),
        ]
        for theme, (width, height) in shapes:
            await self.page.emulate_media(color_scheme=theme)
            await self.page.set_viewport_size({"width": width, "height": height})
            await self.shoot(f"{name}-{theme}-{width}")
            found += [f"{theme} {width}: {one}" for one in await self.violations()]
        return found

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the console says."""
        if message.type in {"error", "warning"}:
            self.note(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def note(self, problem: str) -> None:
        """Note what must not happen, unless this visit is about it."""
        if not self.tolerated or not re.search(self.tolerated, problem):
            self.problems.append(problem)


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    code: str = "",
    theme: Any = "light",
    size: tuple[int, int] = WIDE,
    scripts: bool = True,
    tolerated: str = "",
) -> AsyncIterator[Visit]:
    """Give a browser of its own to a person, signed in by a one-time `code` if there is one.

    tolerated: a pattern of problems that this visit is about. scripts: with JavaScript.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        reduced_motion="reduce",
        java_script_enabled=scripts,
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(REPORTS)
    await context.add_init_script(COUNTING)
    visit = Visit(await context.new_page(), url, tolerated=tolerated)
    context.on("console", visit.hear)
    context.on("weberror", lambda error: visit.note(f"thrown: {error.error}"))
    try:
        if code:
            await visit.sign_in(code)
        yield visit
        assert not visit.problems, "\n".join(visit.problems)
    finally:
        await context.close()


async def tabs(visit: Visit, paths: Sequence[str]) -> list[Page]:
    """Open further tabs of the same person."""
    pages = []
    for path in paths:
        page = await visit.page.context.new_page()
        await page.goto(f"{visit.url}{path}")
        pages.append(page)
    return pages
