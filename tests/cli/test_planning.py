"""A plan: every write, the weights over time, the defaults; and a saved plan that comes back."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from tests.cli.conftest import Run
from tests.support.golden import check_golden
from tests.support.scripted import Script, frames_of
from tests.support.stories import SPEC, TOLD, make_plan, make_rollout

from chimera.app.reports import PlanReport
from chimera.core.model import Change
from chimera.core.plan import Gate, GateKind

GOLDEN = Path(__file__).parent / "golden"
GATED = make_rollout(plan=make_plan(gate=Gate(GateKind.APPROVAL, "operator"), warm_s=300))
REPORT = PlanReport(
    GATED,
    (
        Change("+", "process of 2", "2 replicas, without traffic", cost="nothing"),
        Change("~", "routes", "5 % to 2, later all", permission="write the routes"),
        Change("-", "process of 1", "after the promotion"),
    ),
    ("A check passes only after 20 requests to the canary.",),
)
PLANS = {
    "plan": REPORT,
    "plan-first": PlanReport(make_rollout(stable="2"), REPORT.changes[:2], (), first=True),
    "plan-unchanged": PlanReport(make_rollout(stable="2"), (), (), unchanged=True),
}


@pytest.fixture(autouse=True)
def spec(home: Path) -> Path:
    """A spec where commands look for one."""
    Path("chimera.yaml").write_text(SPEC)
    return Path("chimera.yaml")


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_reads_as_it_did(run: Run, script: Script, name: str) -> None:
    script.plan = PLANS[name]
    check_golden(GOLDEN / f"{name}.txt", run("plan", "--version", "2").text)


@pytest.mark.parametrize(
    ("name", "code"), [("plan", 10), ("plan-first", 10), ("plan-unchanged", 0)]
)
def test_changes_can_be_an_exit_code(run: Run, script: Script, name: str, code: int) -> None:
    script.plan = PLANS[name]
    assert run("plan", "--exit-code").code == code
    assert run("plan").code == 0


def test_a_saved_plan_is_the_data_and_can_be_deployed(run: Run, script: Script) -> None:
    script.plan, script.frames = REPORT, frames_of(TOLD["promoted"]())
    shown = run("plan", "--out", "plan.json", "-o", "json")
    assert json.loads(shown.out) == json.loads(Path("plan.json").read_text())
    assert TypeAdapter(PlanReport).validate_json(Path("plan.json").read_bytes()) == REPORT
    Path("chimera.yaml").unlink()
    assert run("deploy", "--plan", "plan.json").code == 0
    assert script.asked[-1][:3] == ("deploy", "logo", "2")


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"rollout": 1}', "[1]"])
def test_what_is_no_plan_is_refused(run: Run, script: Script, text: str) -> None:
    Path("plan.json").write_text(text)
    done = run("deploy", "--plan", "plan.json")
    assert done.code == 2
    assert "plan.json is not a plan" in done.err
    assert not script.asked


def test_a_plan_that_cannot_be_saved_is_explained(run: Run, script: Script) -> None:
    script.plan = REPORT
    done = run("plan", "--out", "nowhere/plan.json")
    assert done.code == 2
    assert "cannot write the plan" in done.err


def test_the_schema_is_json_schema(run: Run) -> None:
    schema = json.loads(run("schema").out)
    assert {"service", "target", "steps"} <= set(schema["properties"])


def test_the_total_time_is_the_sum_of_the_bakes() -> None:
    assert GATED.plan.duration == timedelta(seconds=32)
