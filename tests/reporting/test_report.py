"""A report says all that was decided, shows foreign words as they are, and gives no secret away."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.support.stories import TOLD, Story, make_plan, make_rollout

from chimera.app.reports import Report
from chimera.reporting import Form, evidence, write
from chimera.reporting.document import document_of
from chimera.reporting.evidence import HEADINGS, ROWS
from chimera.reporting.svg import BOTTOM, HEIGHT, TOP

PLAN = make_plan()
MADE = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> | [click](https://evil.example) `rm` ![](x) \u202eoops"


def report_of(story: Story, **changes: Any) -> Report:
    view = replace(story.view, rollout=replace(story.rollout, **changes))
    return Report(view, tuple(story.lines), tuple(story.looks), MADE, "Chimera 1")


class Reader(HTMLParser):
    """What a browser would read of a page: its text, its tags, what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("name", TOLD)
def test_the_page_says_everything_and_needs_nothing(name: str) -> None:
    story = TOLD[name]()
    page = Reader(write(report_of(story), Form.HTML))
    for line in story.lines:
        assert " ".join(line.sentence.split()) in page.text
    assert page.loads == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == (3 if len(story.looks) > 1 else 0)


def test_a_graph_of_the_metrics_own_is_part_of_the_file() -> None:
    page = Reader(write(report_of(TOLD["baking"]()), Form.HTML, b"\x89PNG"))
    assert page.loads == ["data:image/png;base64,iVBORw=="]


@pytest.mark.parametrize("form", [Form.HTML, Form.MARKDOWN])
def test_foreign_words_are_words(form: Form) -> None:
    story = TOLD["baking"]()
    story.asks_pause(HOSTILE)
    text = write(report_of(story, started_by=HOSTILE), form)
    assert "\u202e" not in text
    if form is Form.HTML:
        page = Reader(text)
        assert "script" not in page.tags
        assert page.loads == []
        assert HOSTILE.replace("\u202e", "\N{REPLACEMENT CHARACTER}") in page.text
    else:
        assert "<script>" not in text
        assert "https://" not in text
        assert r"\[click\](https\://evil.example)" in text
        rows = [line for line in text.splitlines() if "Pause asked" in line]
        assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)


@pytest.mark.parametrize("form", list(Form))
def test_secrets_are_masked(form: Form) -> None:
    spec = "service: logo\ntarget:\n  env: {DB_PASSWORD: hunter2hunter2}\n"
    text = write(report_of(TOLD["promoted"](), spec=spec), form)
    assert "hunter2" not in text
    assert "DB_PASSWORD" in text


def test_json_is_the_whole_report() -> None:
    story = TOLD["rolled_back"]()
    found = json.loads(write(report_of(story), Form.JSON))
    assert [one["sentence"] for one in found["lines"]] == [one.sentence for one in story.lines]
    assert len(found["looks"]) == len(story.looks)
    assert found["rollout"]["state"]["ending"] == "rolled_back"


def test_charts_break_where_nothing_is_known() -> None:
    story = TOLD["baking"]()
    middle = story.looks[4]
    story.looks[4] = replace(middle, look=replace(middle.look, gap="no answer"))
    page = write(report_of(story), Form.HTML)
    lines = page.split('class="canary" d="')[1:]
    assert [one.split('"')[0].count("M") for one in lines] == [2, 2]


def evidence_line(page: str, name: str) -> list[float]:
    """Return how high one line of the evidence is at each of its points, from 0 to 1."""
    drawn = page.split(f'class="{name}" d="')[1].split('"', maxsplit=1)[0]
    heights = [float(point.split()[1]) for point in drawn.replace("M", "L").split("L")[1:]]
    return [(HEIGHT - BOTTOM - y) / (HEIGHT - TOP - BOTTOM) for y in heights]


def test_the_evidence_is_drawn_up_to_the_decision() -> None:
    story = TOLD["rolled_back"]()
    page = write(report_of(story), Form.HTML)
    guilt = evidence_line(page, "guilt")
    assert len(guilt) == len(story.looks)
    assert guilt[-1] == pytest.approx(1.0, abs=0.01)
    assert max(guilt[: len(guilt) // 2]) < 0.5
    words = Reader(page).text
    assert "If the canary were healthy" in words
    assert "The recorded looks, judged again." in words


def test_the_evidence_is_a_table_too() -> None:
    story = TOLD["rolled_back"]()
    document = document_of(report_of(story))
    assert len(document.evidence.rows) <= ROWS
    first, last = document.evidence.rows[0], document.evidence.rows[-1]
    assert first[0] == "0 s"
    assert (last[4], last[6]) == ("unhealthy", "100 %")
    text = write(report_of(story), Form.MARKDOWN)
    assert f"| {' | '.join(HEADINGS)} |" in text
    assert "| unhealthy |" in text.split("## Evidence over time")[1].split("##")[0]


def test_the_way_to_the_next_step_is_drawn_beside_it() -> None:
    plan = replace(PLAN, analysis=replace(PLAN.analysis, weights=(5, 25, 50, 100)))
    story = Story(rollout=make_rollout(plan=plan))
    story.prepared()
    story.shifted()
    story.watches(seconds=8)
    clear = evidence_line(write(report_of(story), Form.HTML), "clear")
    assert clear[0] < clear[-1]


def test_of_very_many_looks_the_report_says_who_draws_the_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence, "MOST_LOOKS", 3)
    story = TOLD["baking"]()
    page = write(report_of(story), Form.HTML)
    assert "There are more looks than a report judges again" in Reader(page).text
    assert 'class="guilt"' not in page
    assert "## Evidence over time" not in write(report_of(story), Form.MARKDOWN)


def test_many_looks_are_thinned_to_what_a_screen_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MOST_POINTS", 5)
    story = TOLD["rolled_back"]()
    found = document_of(report_of(story)).evidence.points
    assert 2 <= len(found) <= 5
    assert found[-1].guilt >= 1
