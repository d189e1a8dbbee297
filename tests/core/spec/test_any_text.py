"""Whatever the text, it is a spec or one SpecError, soon; and what is read can be written."""

import re
import time

from hypothesis import given
from hypothesis import strategies as st
from tests.support.spec_strategies import broken_texts, good_texts
from tests.support.specs import HEAD, TARGETS

from chimera.core.errors import SpecError
from chimera.core.plan import GateKind
from chimera.core.spec import Spec, describe, dump, load, plan_of, service_of

PLACE = re.compile(r"c\.yaml:(\d+)(:\d+)?: .+")


def outcome(text: str) -> Spec | SpecError:
    began = time.monotonic()
    try:
        found: Spec | SpecError = load(text, file="c.yaml", targets=TARGETS)
    except SpecError as error:
        found = error
    assert time.monotonic() - began < 5
    return found


def check(text: str) -> None:
    found = outcome(text)
    if isinstance(found, Spec):
        assert plan_of(found).steps[-1].weight == 100
        assert load(dump(found), targets=TARGETS) == found
        return
    assert found.problems
    last = len(re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text))
    for problem in found.problems:
        place = PLACE.fullmatch(problem)
        assert place, problem
        assert 1 <= int(place[1]) <= last, problem


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check(text)


@given(st.text(st.characters(categories=("Cs", "Cc", "Zl", "P")), max_size=60))
def test_any_text_of_odd_characters(text: str) -> None:
    check(text)


@given(st.text(max_size=60))
def test_any_text_after_a_good_head(text: str) -> None:
    check(HEAD + text)


@given(broken_texts())
def test_any_broken_spec(text: str) -> None:
    check(text)


@given(good_texts())
def test_every_good_spec_is_read_planned_described_and_written_back(text: str) -> None:
    spec = load(text, file="c.yaml", targets=TARGETS)
    assert load(dump(spec), targets=TARGETS) == spec
    assert dump(load(dump(spec), targets=TARGETS)) == dump(spec)
    assert all(line.endswith(".") and "\n" not in line for line in describe(spec))
    assert service_of(spec).name == spec.service
    plan = plan_of(spec)
    assert plan.steps[-1].weight == 100
    assert len({limit.metric for limit in plan.analysis.limits}) == len(plan.analysis.limits)
    assert plan.analysis.limits[0].metric == "error_rate"
    written = [step.model_dump() for step in spec.steps or ()]
    gates = [step.gate for step in plan.steps if step.gate]
    assert len(gates) == sum("approval" in s or s.get("pause") == {} for s in written)
    roles = [s["approval"]["role"] for s in written if "approval" in s]
    assert [gate.role for gate in gates if gate.kind is GateKind.APPROVAL] == roles


@given(good_texts(), st.integers(0, 30), st.sampled_from(["xyzzy: 1", "lease: 1s # short"]))
def test_the_line_is_right_wherever_the_mistake_stands(text: str, at: int, wrong: str) -> None:
    spec = load(text, targets=TARGETS)
    lines = [line for line in dump(spec).split("\n") if line and not line.startswith("lease:")]
    tops = [n for n, line in enumerate(lines) if line[0] not in " -"] + [len(lines)]
    where = tops[at % len(tops)]
    found = outcome("\n".join([*lines[:where], wrong, *lines[where:]]) + "\n")
    assert isinstance(found, SpecError)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"c.yaml:{where + 1}: {wrong.split(':', maxsplit=1)[0]}: ")
