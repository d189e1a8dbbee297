"""What people read of a real ledger, and what scripts read of the same."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from rich.console import Console, RenderableType
from tests.cli.conftest import Run
from tests.support.golden import check_golden
from tests.support.stories import TOLD

from chimera.app.reports import Line, LookView, Replay, RolloutView, ServiceView
from chimera.cli import tables

GOLDEN = Path(__file__).parent / "golden"
STRICT = """\
version: 1
service: logo
target: {platform: local, port: 8080, command: "python3 logo.py {port}"}
latencyP95: 20ms
"""
READ = {
    "list": ["list"],
    "history": ["history"],
    "history-of-one": ["history", "logo", "--limit", "1"],
    "status-promoted": ["status", "logo-3f9a1c"],
    "status-rolled-back": ["status", "logo-8be2d0"],
    "logs": ["logs", "logo-8be2d0"],
    "logs-with-looks": ["logs", "logo-8be2d0", "--looks"],
    "logs-followed": ["logs", "logo-8be2d0", "--follow"],
    "replay": ["replay", "logo-8be2d0"],
    "replay-stricter": ["replay", "logo-3f9a1c", "--spec", "strict.yaml"],
    "audit": ["audit", "verify"],
    "status-unknown": ["status", "nothing-here"],
    "history-json": ["history", "--limit", "1", "-o", "json"],
}
SHAPES: list[tuple[list[str], Any]] = [
    (["list"], list[ServiceView]),
    (["history", "--full"], list[RolloutView]),
    (["status", "logo-8be2d0"], RolloutView),
    (["logs", "logo-8be2d0"], list[Line]),
    (["logs", "logo-8be2d0", "--looks", "--full"], list[LookView]),
    (["logs", "logo-8be2d0", "--follow"], list[Line]),
    (["replay", "logo-8be2d0"], Replay),
]


@pytest.mark.parametrize("name", READ)
def test_it_reads_as_it_did(told: Path, run: Run, name: str) -> None:
    Path("strict.yaml").write_text(STRICT)
    done = run(*READ[name])
    check_golden(GOLDEN / f"{name}.txt", done.text.replace(str(told), "HOME"))


@pytest.mark.parametrize("name", ["logs", "history"])
def test_times_are_utc_as_the_sentences_are_wherever_it_runs(
    told: Path, run: Run, name: str, monkeypatch: pytest.MonkeyPatch, utc: None
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    done = run(*READ[name])
    check_golden(GOLDEN / f"{name}.txt", done.text.replace(str(told), "HOME"))


@pytest.mark.parametrize(("args", "shape"), SHAPES, ids=lambda x: x[0] if type(x) is list else "")
def test_json_yaml_and_jsonl_say_the_same(
    told: Path, run: Run, args: list[str], shape: Any
) -> None:
    """Each is the report itself: it can be read back, and nothing else is on stdout."""
    found = json.loads(run(*args, "-o", "json").out)
    report = TypeAdapter(shape).validate_python(found)
    assert TypeAdapter(shape).dump_python(report, mode="json") == found
    assert yaml.safe_load(run(*args, "-o", "yaml").out) == found
    rows = [json.loads(line) for line in run(*args, "-o", "jsonl").out.splitlines()]
    assert rows == (found if isinstance(found, list) else [found])


@pytest.mark.parametrize(
    "args", [["history"], ["logs", "logo-8be2d0", "--looks"], ["logs", "--looks", "--follow"]]
)
def test_many_rows_are_lean_and_say_the_same_as_the_full_ones(
    told: Path, run: Run, args: list[str]
) -> None:
    if "--follow" in args:
        args = [*args, "logo-8be2d0"]
    lean = [json.loads(line) for line in run(*args, "-o", "jsonl").out.splitlines()]
    full = json.loads(run(*args, "--full", "-o", "json").out)
    assert json.loads(run(*args, "-o", "json").out) == lean
    assert len(lean) == len(full) > 2
    for one, whole in zip(lean, full, strict=True):
        assert is_part(one, whole)
        assert len(json.dumps(one)) < 1700
        assert len(json.dumps(one)) < len(json.dumps(whole)) / 2


def is_part(lean: Any, full: Any) -> bool:
    if isinstance(lean, dict):
        return all(key in full and is_part(lean[key], full[key]) for key in lean)
    if isinstance(lean, list):
        return len(lean) == len(full) and all(map(is_part, lean, full))
    return bool(lean == full)


def on_terminal(thing: RenderableType) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.usefixtures("utc")
def test_a_look_hangs_below_its_own_words_and_says_each_number_once() -> None:
    one = TOLD["rolled_back"]().looks[0]
    first, *rest = on_terminal(tables.hanging(one.look.at, one.look.weight, tables.look(one)))
    assert first.startswith("15:00:03    5 %  look 1: inconclusive: errors 0 %")
    assert rest
    assert all(line.startswith(" " * 17) and line[17] != " " for line in rest)
    assert " ".join([first, *rest]).count("of 10 requests") == 1


@pytest.mark.usefixtures("utc")
def test_a_narrow_history_breaks_no_date_and_no_id() -> None:
    told = [TOLD[name]().view for name in ("baking", "warm", "left_behind")]
    said = "\n".join(on_terminal(tables.rollouts(told)))
    for view in told:
        assert f"{view.rollout.id}  logo" in said
        assert f"{view.opened_at:%Y-%m-%d %H:%M}  " in said
    assert "promoted, old" in said
    assert "retiring" not in said


@pytest.mark.parametrize("args", [["list"], ["history"]])
def test_an_empty_ledger_says_what_to_do_next(home: Path, run: Run, args: list[str]) -> None:
    done = run(*args)
    assert done.code == 0
    assert "`chimera" in done.out
    assert json.loads(run(*args, "-o", "json").out) == []


def test_a_pipe_gets_no_colours_and_no_blanks_at_line_ends(told: Path, run: Run) -> None:
    done = run("status", "logo-8be2d0")
    assert "\x1b" not in done.out
    assert all(line == line.rstrip() for line in done.out.splitlines())


def test_a_damaged_ledger_fails_the_audit(told: Path, run: Run) -> None:
    import sqlite3

    with sqlite3.connect(told / "ledger.db") as ledger:
        ledger.execute("UPDATE events SET sentence = 'x' WHERE seq = 2")
    ledger.close()
    assert run("audit", "verify").code == 1


def test_without_a_reference_the_live_rollout_is_meant(told: Path, run: Run) -> None:
    assert json.loads(run("status", "-o", "json").out)["rollout"]["id"] == "logo-51c77e"
