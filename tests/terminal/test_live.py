"""One rollout on one screen, at the sizes and in the character sets that terminals have."""

import io
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text
from tests.support.golden import check_golden
from tests.support.stories import TOLD, Story, baking

from chimera.core import events as e
from chimera.terminal import LiveView

GOLDEN = Path(__file__).parent / "golden"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def draw(
    story: Story, width: int, *, height: int = 24, colour: bool = False, encoding: str = "utf-8"
) -> str:
    """Draw a story as its end stands, as a terminal of that kind shows it."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console = Console(
        file=file,
        width=width,
        height=height,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    console.print(
        LiveView(story.view, story.lines, story.looks, story.now, fit=True, foot="(foot)")
    )
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding)


@pytest.fixture(autouse=True)
def _utc(utc: None) -> None:
    """Times of day are those of the story."""


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", TOLD)
def test_a_rollout_looks_as_it_did(name: str, width: int) -> None:
    check_golden(GOLDEN / f"{name}-{width}.txt", draw(TOLD[name](), width))


def test_colours_look_as_they_did() -> None:
    check_golden(GOLDEN / "rolled_back-80-colour.txt", draw(TOLD["rolled_back"](), 80, colour=True))


def test_ascii_looks_as_it_did() -> None:
    text = draw(TOLD["rolled_back"](), 80, encoding="ascii")
    assert text.isascii()
    check_golden(GOLDEN / "rolled_back-80-ascii.txt", text)


@pytest.mark.parametrize("name", TOLD)
def test_colour_never_stands_alone(name: str) -> None:
    coloured, plain = draw(TOLD[name](), 80, colour=True), draw(TOLD[name](), 80)
    assert ANSI.search(coloured)
    assert not ANSI.search(plain)
    assert ANSI.sub("", coloured) == plain


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20), (40, 16)])
@pytest.mark.parametrize("name", TOLD)
def test_it_stays_within_the_screen(name: str, size: tuple[int, int]) -> None:
    width, height = size
    lines = draw(TOLD[name](), width, height=height).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert lines[-1].startswith("(foot)")


def test_a_low_screen_keeps_what_matters_most() -> None:
    text = draw(TOLD["baking"](), 80, height=9)
    assert "logo  2 → 4" in text
    assert "25 % canary 4" in text
    assert "per look" not in text


def test_hostile_words_cannot_steer_the_terminal() -> None:
    story = TOLD["baking"]()
    story.asks_pause("red \x1b[31m\x07 [bold]text[/bold]\r\nnext \u202e line")
    text = draw(story, 120, height=40)
    assert "[bold]text[/bold]" in text
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)


@pytest.mark.parametrize(
    ("passed_s", "said"), [(0, "5 s left"), (3.2, "2 s left"), (5, "deciding"), (30, "deciding")]
)
def test_the_countdown_ends_where_the_bake_does(passed_s: float, said: str) -> None:
    story = TOLD["baking"]()
    story.now += timedelta(seconds=passed_s)
    assert f"25 %, {said}" in draw(story, 120)


def unattended(name: str, height: int = 40) -> str:
    story = TOLD[name]()
    alone = replace(story.view, unattended="No controller runs, so nothing moves.")
    console = Console(file=io.StringIO(), width=80, height=height)
    console.print(LiveView(alone, story.lines, story.looks, story.now))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_where_nobody_looks_after_it_the_picture_is_of_the_last_known_moment() -> None:
    seen = unattended("baking")
    assert "\n✗ No controller runs" in seen
    assert "\n? Last known: Watching 4 at 25 %" in seen
    assert "✓ Watching" not in seen
    assert "\nWas      █" in seen
    assert "Traffic" not in seen
    assert "25 %, interrupted" in seen


def test_a_promoted_version_keeps_its_traffic_although_nobody_looks_after_it() -> None:
    seen = unattended("warm")
    assert "\n✗ No controller runs" in seen
    assert "\n✓ Promoted: all traffic is on 2" in seen
    assert "\nTraffic  █" in seen


def test_steps_that_a_promotion_passed_by_were_not_healthy() -> None:
    story = baking()
    story.asks(e.PromoteRequested)
    assert (
        "✓ 5 %   \N{EN DASH} 25 % skipped   \N{EN DASH} 50 % skipped   ▶ 100 %, shifting"
        in draw(story, 80)
    )
    story.shifted()
    story.judged(story.watches())
    story.committed()
    story.removed()
    assert "✓ 5 %   \N{EN DASH} 25 % skipped   \N{EN DASH} 50 % skipped   ✓ 100 %" in draw(
        story, 80
    )


def test_events_are_whole_where_there_is_height_and_the_latest_first() -> None:
    story = TOLD["rolled_back"]()
    low, high = draw(story, 60, height=26), draw(story, 60, height=60)
    first, *_, last = (line.sentence for line in story.lines[-7:])
    assert all(line.sentence in " ".join(high.split()) for line in story.lines[-7:])
    assert last in " ".join(low.split())
    assert first not in " ".join(low.split())
    assert "…\n" in low


def test_a_rollout_without_a_look_has_no_table() -> None:
    assert "Check" not in draw(TOLD["preparing"](), 80)


def test_the_view_is_the_same_twice() -> None:
    story = TOLD["rolled_back"]()
    assert Text(draw(story, 80)) == Text(draw(story, 80))
