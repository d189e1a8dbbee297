"""The reference page is current, complete, and its examples work."""

import re
from pathlib import Path

import pytest

from chimera.core.plan import OnNoData
from chimera.core.spec import FULL, TEN_LINES, describe, dump, json_schema, load, plan_of
from chimera.core.spec.judging import judging
from chimera.core.spec.reference import reference
from chimera.platforms.local.options import LocalTarget

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "spec.md"
TARGETS = {"local": LocalTarget}


def test_the_page_is_current() -> None:
    how = "run: python -m chimera.core.spec.reference > docs/reference/spec.md"
    assert PAGE.read_text() == reference(), how


def test_the_page_explains_every_key() -> None:
    schema = json_schema({})
    models = [schema, *schema["$defs"].values()]
    keys = {key for model in models for key in model.get("properties", {})}
    assert len(keys) > 25
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE.read_text()] == ["role"]


def test_the_pages_examples_are_the_samples_and_work() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert examples == [TEN_LINES, FULL]
    for example in examples:
        spec = load(example, targets=TARGETS)
        assert load(dump(spec), targets=TARGETS) == spec


def test_ten_lines_are_ten() -> None:
    assert TEN_LINES.count("\n") == 10
    limits = {
        limit.metric: limit.max
        for limit in plan_of(load(TEN_LINES, targets=TARGETS)).analysis.limits
    }
    assert limits == {"error_rate": 0.01, "latency_p95": 300.0}


def test_the_full_form_leaves_little_to_the_strategy() -> None:
    spec = load(FULL, targets=TARGETS)
    plan = plan_of(spec)
    assert [step.weight for step in plan.steps] == [1, 10, 50, 95, 100]
    assert [step.bake.total_seconds() for step in plan.steps] == [120, 300, 300, 300, 600]
    assert plan.analysis.on_no_data is OnNoData.ROLLBACK
    assert len(describe(spec)) == 1 + len(tuple(judging(plan.analysis)))
    used = set(re.findall(r"^ *(?:- )?(\w+):", FULL, re.MULTILINE))
    assert set(json_schema({})["properties"]) - used == {"errorRate", "latencyP50", "latencyP99"}


@pytest.mark.parametrize("example", [TEN_LINES, FULL], ids=["ten lines", "full"])
def test_the_defaults_of_an_example_are_sentences(example: str) -> None:
    assert all(
        re.fullmatch(r"[A-Za-z].*\.", line) for line in describe(load(example, targets=TARGETS))
    )
