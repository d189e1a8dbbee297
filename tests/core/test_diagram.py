"""The drawing of the state machine is what the code does."""

from pathlib import Path

from chimera.core.diagram import mermaid, page, transitions
from chimera.core.state import BEFORE_COMMIT, Phase

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "state-machine.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_phase_is_reached_and_left_but_the_last_ones() -> None:
    pairs = transitions()
    assert {after for _, after in pairs} == set(Phase) - {Phase.PENDING}
    assert {before for before, _ in pairs} == {phase for phase in Phase if not phase.final}


def test_everything_before_the_commit_can_be_aborted() -> None:
    found = transitions()
    for phase in BEFORE_COMMIT:
        assert "abort" in found[phase, Phase.ROLLING_BACK]
    assert found[Phase.RETIRING, Phase.ROLLING_BACK] == ("revert",)


def test_only_a_commit_retires_the_old_version() -> None:
    into = {pair: labels for pair, labels in transitions().items() if pair[1] is Phase.RETIRING}
    assert into == {(Phase.PROMOTING, Phase.RETIRING): ("committed",)}


def test_the_drawing_begins_and_ends() -> None:
    drawn = mermaid().splitlines()
    assert drawn[0] == "stateDiagram-v2"
    assert "    [*] --> pending" in drawn
    assert "    succeeded --> [*]" in drawn
