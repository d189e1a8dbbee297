"""The answers, and the spec they make."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chimera.web.wizard import draft as d
from chimera.web.wizard.draft import AS_BEFORE, Draft
from chimera.web.wizard.steps import ORDER, Step, is_answered, may_see, next_of, trail

BASE = """\
version: 1
service: shop
target: {platform: local, command: "./shop {port}", port: 8080}
strategy: careful
steps: [{setWeight: 5}, {setWeight: 50}]
errorRate: 2%
latencyP95: 300ms
"""


def _draft(**answers: str | bool) -> Draft:
    made = Draft(
        id="d1",
        platform="local",
        place="this machine",
        service="shop",
        base=BASE,
        known=True,
        version="2",
        strategy="balanced",
    )
    return made.model_copy(update=answers)


def _spec(draft: Draft) -> dict[str, object]:
    made: dict[str, object] = yaml.safe_load(d.spec_text(draft))
    return made


def test_as_last_time_keeps_the_spec_as_it_was() -> None:
    kept = _draft(strategy=AS_BEFORE, error_rate="2%", latency_p95="300ms")
    assert _spec(kept) == yaml.safe_load(BASE)


def test_another_strategy_takes_its_own_steps() -> None:
    spec = _spec(_draft(strategy="fast", error_rate="1%", latency_p95=""))
    assert spec["strategy"] == "fast"
    assert "steps" not in spec
    assert spec["errorRate"] == "1%"
    assert "latencyP95" not in spec, "an emptied limit is no limit"


def test_metrics_of_its_own_are_left_alone() -> None:
    base = BASE.replace("errorRate: 2%\nlatencyP95: 300ms\n", "") + (
        "analysis: {metrics: [{name: errorRate, max: 3%}]}\n"
    )
    spec = _spec(_draft(base=base, error_rate="1%"))
    assert "errorRate" not in spec
    assert d.own_limits(_draft(base=base))


@pytest.mark.parametrize(
    ("changed", "open_again"),
    [
        ({"platform": "ecs-alb"}, Step.PLACE),
        ({"region": "eu-west-1"}, Step.PLACE),
        ({"place": "other"}, Step.SERVICE),
        ({"service": "other"}, Step.VERSION),
    ],
)
def test_what_hangs_on_a_changed_answer_is_asked_again(
    changed: dict[str, str], open_again: Step
) -> None:
    answered = _draft().answered(**changed)
    assert next_of(answered) is open_again
    assert answered.strategy == ""


def test_the_same_answer_again_changes_nothing() -> None:
    assert _draft().answered(platform="local", place="this machine", service="shop") == _draft()


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_whatever_is_written_stays_one_value(name: str, command: str, port: str) -> None:
    base = d.local_base(name, {"command": command, "port": port})
    read = yaml.safe_load(base)
    assert read["service"] == name
    assert read["target"]["command"] == command
    assert set(read) == {"version", "service", "target", "strategy", "errorRate"}


def test_the_command_quotes_what_a_shell_would_read() -> None:
    assert d.command(_draft(version="2; rm -rf /")) == (
        "chimera deploy chimera.yaml --version '2; rm -rf /'"
    )
    pinned = _draft(version="2", image="repo@sha256:0f")
    assert d.command(pinned).endswith("--version 2 --image repo@sha256:0f")


def test_the_steps_open_one_after_the_other() -> None:
    fresh = Draft(id="d1")
    assert next_of(fresh) is Step.WHERE
    assert [may_see(fresh, step) for step in ORDER] == [True] + [False] * 5
    assert all(may_see(_draft(), step) for step in ORDER)
    assert not is_answered(_draft(), Step.REVIEW)
    assert [bool(href) for _, href in trail(fresh, "/new/d1")] == [True] + [False] * 5
