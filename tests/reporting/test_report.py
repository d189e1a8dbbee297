"""A report says all that was decided, shows foreign words as they are, and gives no secret away."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.support.stories import TOLD, Story

from chimera.app.reports import Report
from chimera.reporting import Form, write

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
    assert page.tags.count("svg") == (2 if len(story.looks) > 1 else 0)


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
