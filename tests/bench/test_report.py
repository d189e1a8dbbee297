"""Numbers beside their goals, and what is printed of them."""

from __future__ import annotations

import json
import math

import pytest

from chimera.bench import __main__ as command
from chimera.bench import catalog, show
from chimera.bench.report import Bench, Figure, Report, quantile
from chimera.core.errors import ChimeraError

WORKS = Report((Figure("waited", 0.25, "s", 0.3), Figure("kept", 3, "", 4, at_least=True)), ("so",))


async def works(bench: Bench) -> Report:
    bench.say("half way")
    return WORKS


async def cannot(_: Bench) -> Report:
    raise ChimeraError("there is no Envoy", hint="install it")


async def breaks(_: Bench) -> Report:
    raise KeyError("a bug")


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"breaks": breaks, "cannot": cannot, "works": works}
    monkeypatch.setattr(catalog, "names", lambda: tuple(known))
    monkeypatch.setattr(
        catalog, "find", lambda name: catalog.Benchmark(name, f"It {name}.", known[name])
    )


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("x", 1.0, "s", 1.0), True),
        (Figure("x", 1.1, "s", 1.0), False),
        (Figure("x", math.nan, "s", 1.0), False),
        (Figure("x", math.nan, "s", 1.0, at_least=True), False),
        (Figure("x", 1.0, "", 2.0, at_least=True), False),
        (Figure("x", 2.0, "", 2.0, at_least=True), True),
        (Figure("x", 2.0), None),
    ],
)
def test_a_goal_is_met_or_not(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [([3.0, 1.0, 2.0], 0.5, 2.0), ([3.0, 1.0, 2.0], 0.99, 3.0), ([1.0], 0.01, 1.0)],
)
def test_quantiles_are_values_that_were_measured(
    values: list[float], q: float, expected: float
) -> None:
    assert quantile(values, q) == expected


def test_nothing_measured_is_no_number() -> None:
    assert math.isnan(quantile([], 0.5))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.08123, "0.0812"), (123.4, "123"), (5.0, "5"), (191256.9, "191,257"), (math.nan, "none")],
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert show.number(value) == said


@pytest.mark.usefixtures("suite")
def test_a_missed_goal_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["works"]) == 0
    said, progress = capsys.readouterr()
    goals = {" ".join(line.split()) for line in said.splitlines()}
    assert {"waited 0.25 s at most 0.3 s met", "kept 3 at least 4 MISSED"} <= goals
    assert "half way" in progress


@pytest.mark.usefixtures("suite")
def test_what_cannot_run_says_why_and_does_not_stop_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    problems = {one["name"]: one["problem"] for one in document["benchmarks"]}
    assert problems == {
        "breaks": "internal error: KeyError('a bug')",
        "cannot": "there is no Envoy; install it",
        "works": "",
    }
    assert [figure["met"] for figure in document["benchmarks"][2]["figures"]] == [True, False]
    assert "/" not in json.dumps(document["machine"])


def test_an_unknown_name_lists_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["speed"]) == 2
    assert "known: abort, aws, core, detection" in capsys.readouterr().err


def test_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in catalog.names())
