"""Anyone can add a rule: one file, picked up by itself, and the page on it is right."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from chimera.bench.judge import rules
from chimera.bench.judge.arena import Role, drive
from chimera.bench.judge.grid import FAULTS
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, draw

PAGE = Path(__file__).parents[3] / "docs/how-to/add-a-judge-rule.md"


def test_a_new_file_competes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown is not None
    (tmp_path / "at_most.py").write_text(shown[1])
    before = {entrant.make().name for entrant in entrants()}
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    added = [one for one in entrants(Role.PEER) if one.make().name not in before]
    sys.modules.pop("chimera.bench.judge.rules.at_most", None)
    (entrant,) = added
    world = next(fault for fault in FAULTS if fault.name == "errors 100 %")
    totals = Totals(draw(world.__class__("broken", 100, plus=1.0), Plan(), 5, 60, 1))
    outcome = drive(entrant.make(), world, Plan(), totals)
    assert np.isfinite(outcome.rolled_back).all()


def test_ours_come_first_and_names_tell_apart() -> None:
    found = entrants()
    names = [entrant.make().name for entrant in found]
    assert len(set(names)) == len(names)
    assert found[0].role is Role.OURS
    assert {entrant.role for entrant in found} == set(Role)
