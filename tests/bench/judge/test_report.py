"""The report renders, whatever was measured: made-up results of every rule in every world."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from chimera.bench.judge import telling
from chimera.bench.judge.arena import Role
from chimera.bench.judge.contest import Result
from chimera.bench.judge.grid import QUICK
from chimera.bench.judge.live import FAULTS, Repetition
from chimera.bench.judge.report import Material, markdown
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.studies import Agreement, Blame, Defaults, OtherPlan, Twin
from chimera.bench.judge.world import Scenario

RUNS = 100
TWINS = tuple(Twin(fault, 60, 60, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)) for fault in FAULTS[:3])
LIVE = (
    Repetition("errors10", "rolled_back", 2.0, 10, 3.5, 60.0),
    Repetition("errors10", "succeeded", 0.0, 700, 3.5, 60.0),
    Repetition("errors2", "aborted", 0.0, 900, 3.5, 60.0),
    Repetition("healthy", "succeeded", 0.0, 800, 3.5, 60.0),
)


def result(world: Scenario, role: Role, rule: str) -> Result:
    share, excess = (0.9, 12.0) if world.faulty else (0.0, 0.0)
    excess = excess * 20 if role is Role.PEER or rule == "no analysis" else excess
    found = Result(
        world.name, world.rate, world.errors, world.faulty, role.value, rule, RUNS, *[0.0] * 6
    )
    return replace(
        found,
        rolled_back=share,
        promoted_in_time=0.0 if world.faulty else 1.0,
        median_s=7.0 if world.faulty else math.nan,
        excess=excess,
        excess_p95=2 * excess,
    )


@pytest.fixture(scope="module")
def material() -> Material:
    """All that a report tells."""
    rules = [(entrant.role, entrant.make().name) for entrant in entrants()]
    results = [result(world, *rule) for world in QUICK.worlds for rule in rules]
    return Material(
        version="1.0",
        date="2030-01-01",
        seeds=(1, 5),
        development=results,
        held_out=results,
        again=[one for one in results if one.world == "outage of both"],
        blames=[Blame(100.0, lag_s, 30, lag_s, 0) for lag_s in (0, 5, 10)],
        agreements=[Agreement("errors +1 %", 100.0, 30, 7.0, 7.0, 0)],
        defaults=[Defaults("plain", 0.001, 30, 0.0, 1, 0.0, 0)],
        other_plans=[
            OtherPlan(plan, world, "chimera 1 s", *of)
            for plan in ("A", "B")
            for world, of in (("errors +5 %", (4.5, 1.0)), ("plain", (0.0, 0.02)))
        ],
        twins=(*TWINS, Twin("healthy", 60, 0, (0.0,) * 3, (0.0,) * 3)),
        live=LIVE,
    )


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table, without its head."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


def test_the_whole_report_renders(material: Material) -> None:
    page = markdown(material)
    for rule in {one.rule for one in material.held_out if one.role in (Role.OURS, Role.PEER)}:
        assert rule in page
    assert "**missed**" in page
    assert "| met |" in page
    tables = [line for line in page.splitlines() if line.startswith("| ---")]
    assert len(tables) >= 15


def test_a_report_without_a_live_part_says_so(material: Material) -> None:
    assert "Not run yet." in markdown(replace(material, live=(), development=(), again=()))


def test_every_row_of_a_table_is_as_wide_as_its_head(material: Material) -> None:
    for table in (
        telling.blame_table(material.blames),
        telling.agreement_table(material.agreements),
        telling.defaults_table(material.defaults),
        telling.other_plans_table(material.other_plans),
        telling.live_table(material.live, material.twins),
    ):
        assert len({line.count("|") for line in table.splitlines()}) == 1
        assert rows(table)


def test_other_plans_show_harm_or_the_share_rolled_back(material: Material) -> None:
    assert rows(telling.other_plans_table(material.other_plans)) == [
        ["A", "chimera 1 s", "4.5", "2%"],
        ["B", "chimera 1 s", "4.5", "2%"],
    ]


def test_live_repetitions_are_told_whatever_became_of_them() -> None:
    twins = (*TWINS, Twin("healthy", 60, 0, (0.0,) * 3, (0.0,) * 3))
    ten, two, slow, healthy = rows(telling.live_table(LIVE, twins))
    assert ten[:4] == ["10 % errors", "1 of 2", "2 (2-2)", "1 (1-1)"]
    assert two[:3] == ["2 % errors", "0 of 1, 1 aborted", "-"]
    assert slow[1] == "0 of 0"
    assert healthy[1:] == ["0 of 1", "-", "-", "0 of 60", "-", "-"]


def test_live_words_say_how_busy_the_machine_was() -> None:
    assert "of it: 4;\nload average of the machine 3.5" in telling.live_words(LIVE)
    assert "of it:" not in telling.live_words(())
