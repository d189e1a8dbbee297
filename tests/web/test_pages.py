"""Every page over the real application, as a browser without scripts meets it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from tests.support.access import Browser, browser_of
from tests.support.scripted import Script
from tests.support.served import Served
from tests.support.stories import TOLD

from chimera.app.reports import Answer, Sweep
from chimera.core.model import Resource
from chimera.web import static
from chimera.web.rendering import environment

PAGES = [
    *("/", "/history", "/services", "/services/warm", "/services/promoted/remove"),
    *("/settings", "/settings/tokens", "/settings/users", "/settings/secrets", "/settings/audit"),
    *(f"/rollouts/{name.replace('_', '-')}-1" for name in TOLD),
    "/rollouts/paused-1/do/abort",
]
FIRST_LOAD_BYTES = 100_000
HOSTILE = '"><script>alert(1)</script>\u202e'


class Markup(HTMLParser):
    """What a page loads, runs and styles, and what its forms carry."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.links: list[str] = []
        self.unsafe_forms: list[str] = []
        self._form = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        data = tag == "script" and found.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in found and not data):
            self.inline.append(tag)
        self.inline += [n for n in found if n == "style" or n.startswith("on")]
        if tag in {"script", "img"} or found.get("rel") in {"stylesheet", "icon"}:
            self.loads += [found[n] for n in ("src", "href") if n in found]
        if tag == "a":
            self.links.append(found["href"])
        if tag == "form" and found.get("method") == "post":
            self._form = found["action"]
            self.unsafe_forms.append(self._form)
        if found.get("name") == "csrf" and tag == "input" and self._form:
            self.unsafe_forms.remove(self._form)
            self._form = ""


async def test_pages_run_nothing_inline_and_load_nothing_foreign(ada: Browser) -> None:
    for path in PAGES:
        answer = await ada.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert answer.headers["cache-control"] == "no-store"
        markup = Markup(answer.text)
        assert (path, markup.inline) == (path, [])
        # Each form has its token, so that it works without scripts.
        assert (path, markup.unsafe_forms) == (path, [])
        assert all(one.startswith("/assets/") for one in markup.loads)


async def test_no_link_is_dead(ada: Browser) -> None:
    seen: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith("#"):
            continue
        answer = await ada.get(path)
        seen[path] = answer.status_code
        html = answer.headers.get("content-type", "").startswith("text/html")
        waiting += Markup(answer.text).links if html and "/report" not in path else []
    assert {path: status for path, status in seen.items() if status >= 400} == {}
    assert len(seen) > 30


async def test_the_first_load_is_small(ada: Browser) -> None:
    """What a browser fetches for a first page: as it crosses the wire, all zipped."""
    for path in ("/", "/rollouts/baking-1"):
        page = await ada.get(path)
        total = await over_the_wire(ada, path)
        for one in Markup(page.text).loads:
            answer = await ada.get(one)
            assert answer.headers["cache-control"] == static.FOREVER
            total += await over_the_wire(ada, one)
        assert 10_000 < total < FIRST_LOAD_BYTES


async def over_the_wire(client: Browser, path: str) -> int:
    headers = {"accept": "text/html", "accept-encoding": "gzip"}
    async with client.client.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        return sum([len(chunk) async for chunk in answer.aiter_raw()])


async def test_assets_are_served_plain_too_and_unknown_ones_are_not(ada: Browser) -> None:
    name = static.assets().names["app.css"]
    plain = await ada.client.get(f"/assets/{name}", headers={"accept-encoding": "identity"})
    assert plain.content == static.assets().files[name].content
    assert (await ada.client.get("/assets/app.css")).status_code == 404
    assert (await ada.client.get("/assets/..%2fmanifest.json")).status_code == 404


def test_a_missing_build_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    static.assets.cache_clear()
    monkeypatch.setattr(static, "ASSETS", static.ASSETS / "nowhere")
    try:
        with pytest.raises(Exception, match="not built") as failure:
            static.assets()
        assert "make assets" in getattr(failure.value, "hint", "")
    finally:
        static.assets.cache_clear()


async def test_a_reason_is_asked_for_and_passed_on(ada: Browser, script: Script) -> None:
    asked = await ada.get("/rollouts/baking-1/do/abort")
    assert "All traffic returns to 2 at once" in asked.text
    done = await ada.post("/rollouts/baking-1/do/abort", {"reason": HOSTILE})
    assert (done.status_code, done.headers["location"]) == (303, "/rollouts/baking-1")
    assert script.asked == [("abort", "baking-1", "ada", HOSTILE)]


async def test_a_long_reason_keeps_nobody_from_an_abort(ada: Browser, script: Script) -> None:
    typed = "line\n" * 99  # within what the field takes; a browser sends each end as two characters
    await ada.get("/rollouts/baking-1/do/abort")
    for reason in (typed.replace("\n", "\r\n"), "x" * 20_000):
        done = await ada.post("/rollouts/baking-1/do/abort", {"reason": reason})
        assert done.status_code == 303
    assert [reason for *_, reason in script.asked] == [typed.strip(), "x" * 500]


async def test_a_form_that_cannot_be_read_is_answered_by_a_page(ada: Browser) -> None:
    await ada.get("/settings")
    for path, form in (
        ("/settings/password", {"new": "secret" * 1_000}),
        ("/settings/tokens", {"name": "n" * 500, "days": "99999"}),
    ):
        answer = await ada.post(path, form)
        assert (path, answer.status_code) == (path, 422)
        assert answer.headers["content-type"].startswith("text/html")
        assert "What was sent cannot be used" in answer.text
        assert "secretsecret" not in answer.text
    answer = await ada.client.get(
        "/settings/audit?before=x", headers={"accept": "application/json"}
    )
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_refusal_is_shown_where_it_was_asked(ada: Browser, script: Script) -> None:
    script.answer = Answer(f"too late: {HOSTILE}", accepted=False)
    await ada.get("/rollouts/baking-1/do/pause")
    refused = await ada.post("/rollouts/baking-1/do/pause")
    assert refused.status_code == 409
    assert "too late: &#34;&gt;&lt;script&gt;" in refused.text
    assert "\u202e" not in refused.text
    assert Markup(refused.text).inline == []


async def test_what_is_not_offered_any_more_is_said(ada: Browser) -> None:
    answer = await ada.get("/rollouts/promoted-1/do/abort")
    assert "There is nothing to abort: the rollout is succeeded now." in answer.text
    assert (await ada.get("/rollouts/promoted-1/do/dance")).status_code == 404


async def test_a_viewer_sees_no_button_and_an_operator_of_one_service_only_its_own(
    site: Served,
) -> None:
    async with browser_of(site.app, site.access, "victor") as victor:
        page = await victor.get("/rollouts/baking-1")
        assert 'href="/rollouts/baking-1/do/' not in page.text
        assert 'href="/new"' not in page.text
        assert (await victor.post("/rollouts/baking-1/do/abort")).status_code == 403
    async with browser_of(site.app, site.access, "olga") as olga:
        assert "baking" not in (await olga.get("/")).text
        assert "baking" not in (await olga.get("/history")).text
        hidden = await olga.get("/rollouts/baking-1")
        assert hidden.status_code == 403
        assert "You may not do this" in hidden.text
    async with browser_of(site.app, site.access, "nobody") as nobody:
        assert (await nobody.get("/")).status_code == 403


async def test_history_filters_and_turns_pages(
    ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chimera.web.pages.history.PAGE", 4)

    async def listed(path: str) -> tuple[list[str], str]:
        text = (await ada.get(path)).text
        older = re.search(r'href="([^"]+)">Older', text)
        rows = re.findall(r'<th scope="row"><a href="/rollouts/([^"]+)"', text)
        return rows, older[1].replace("&amp;", "&") if older else ""

    seen: list[str] = []
    path = "/history"
    while path:
        rows, path = await listed(path)
        assert len(rows) <= 4
        seen += rows
    assert sorted(seen) == sorted(f"{name.replace('_', '-')}-1" for name in TOLD)
    assert (await listed("/history?outcome=aborted"))[0] == ["aborted-1"]
    assert (await listed("/history?service=warm&outcome=live"))[0] == ["warm-1"]
    assert "No rollout matches" in (await ada.get("/history?service=warm&outcome=aborted")).text


async def test_a_service_is_removed_only_by_its_name(
    site: Served, ada: Browser, script: Script
) -> None:
    await ada.get("/services/promoted/remove")
    wrong = await ada.post("/services/promoted/remove", {"confirm": "promotet"})
    assert wrong.status_code == 400
    assert script.asked == []
    script.sweep = Sweep((), (), (Resource("process", HOSTILE, "promoted"),))
    left = await ada.post("/services/promoted/remove", {"confirm": "promoted"})
    assert left.status_code == 409
    assert "could not be removed altogether" in left.text
    assert "<script>alert" not in left.text
    script.sweep = Sweep(())
    gone = await ada.post("/services/promoted/remove", {"confirm": "promoted"})
    assert gone.headers["location"] == "/services"
    assert script.asked == [("down", "promoted")] * 2
    noted = [one for one in await site.access.audit.entries() if one.action == "service.remove"]
    assert [one.outcome for one in noted] == ["done", "failed"]


async def test_colours_are_remembered(ada: Browser) -> None:
    await ada.get("/")
    chosen = await ada.post("/theme", {"theme": "dark", "back": "//evil.example"})
    assert chosen.headers["location"] == "/"
    assert 'data-theme="dark"' in (await ada.get("/")).text
    await ada.post("/theme", {"theme": "<b>", "back": "/history"})
    assert "data-theme" not in (await ada.get("/")).text


async def test_the_stream_goes_on_from_a_cursor_and_ends_with_the_rollout(ada: Browser) -> None:
    headers = {"last-event-id": "8-3"}
    answer = await ada.client.get("/rollouts/rolled-back-1/live?after=0-0", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    beats, points, page, over = answer.text.split("\n\n")[:4]
    assert beats == "retry: 500"
    found = json.loads(points.partition("data: ")[2])
    assert [one["n"] for one in found["points"]] == [9, 10, 11]
    assert found["decided"] == "rolled back"
    assert page.startswith("id: 11-8\n")
    assert page.count('<li class="event') == 5
    assert "failed at 25 %" in page
    assert over.startswith("event: over")


async def test_a_report_is_sent_as_a_file(ada: Browser) -> None:
    for form in ("html", "md", "json"):
        answer = await ada.get(f"/rollouts/rolled-back-1/report.{form}")
        assert f'filename="rolled-back-1.{form}"' in answer.headers["content-disposition"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "unhealthy" in answer.text
    seen = await ada.get("/rollouts/rolled-back-1/report")
    assert seen.headers["content-disposition"].startswith("inline")


async def test_a_rollout_whose_metrics_draw_nothing_has_no_graph(ada: Browser) -> None:
    assert (await ada.get("/rollouts/baking-1/graph.png")).status_code == 404
    assert "graph.png" not in (await ada.get("/rollouts/baking-1")).text


async def test_programs_get_problems_and_not_pages(site: Served) -> None:
    async with site.client() as client:
        answer = await client.get("/rollouts/nothing-here", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("provider", "shown"), [("", False), ("Acme <b>", True)])
def test_the_provider_has_a_button_when_there_is_one(provider: str, shown: bool) -> None:
    said = environment().get_template("sign_in.html")
    text = said.render(
        **{"principal": None, "csrf": "c", "theme": "", "nav": "", "here": "/sign-in"},
        **{"problem": "", "hint": "", "onward": "/history?a=1&b=2", "provider": provider},
    )
    assert ('href="/sign-in/oidc?next=/history%3Fa%3D1%26b%3D2"' in text) == shown
    assert ("Continue with Acme &lt;b&gt;" in text) == shown
