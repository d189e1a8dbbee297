"""Numbers beside their goals, and what is printed of them."""

from __future__ import annotations

import json
import math
import subprocess
import sys

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


async def meets(_: Bench) -> Report:
    return Report(WORKS.figures[:1])


async def lacks(_: Bench) -> Report:
    raise ModuleNotFoundError("No module named 'numpy'", name="numpy.linalg")


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"breaks": breaks, "cannot": cannot, "works": works}
    monkeypatch.setattr(catalog, "names", lambda: tuple(known))
    asked = {**known, "meets": meets, "lacks": lacks}
    monkeypatch.setattr(
        catalog, "find", lambda name: catalog.Benchmark(name, f"It {name}.", asked[name])
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


@pytest.mark.usefixtures("suite")
@pytest.mark.parametrize(("name", "code"), [("works", 1), ("meets", 0), ("lacks", 2)])
def test_strictly_a_missed_goal_is_a_failure(name: str, code: int) -> None:
    assert command.main([name, "--strict"]) == code


@pytest.mark.usefixtures("suite")
def test_a_missing_package_is_named_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lacks", "works"]) == 2
    said, progress = capsys.readouterr()
    words = " ".join(said.split())
    assert "could not run: the Python package 'numpy' is missing; `make setup` installs it" in words
    assert "kept" in words  # the other one was run
    assert "Traceback" not in said + progress


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from chimera.bench.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_the_development_packages_the_others_still_run() -> None:
    command = [sys.executable, "-c", WITHOUT_NUMPY, "judging", "core", "--effort", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "'numpy' is missing" in done.stdout
    assert "simulated rollouts per minute" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unknown_name_lists_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["speed"]) == 2
    assert "known: abort, aws, core, detection" in capsys.readouterr().err


def test_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in catalog.names())
