"""From steps as written to steps as run, and from limits as written to checks."""

from datetime import timedelta

import pytest
from tests.support.specs import spec_of

from chimera.core.plan import Gate, GateKind, Limit, OnNoData, OwnKind, Step
from chimera.core.spec import PRESETS, Strategy, dump, limits_of, plan_of

MINUTE = timedelta(minutes=1)
PAUSE = Gate(GateKind.PAUSE)
OPERATOR = Gate(GateKind.APPROVAL, "operator")
ADMIN = Gate(GateKind.APPROVAL, "admin")
LAST = Step(100, MINUTE)


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("{setWeight: 5}", [Step(5, MINUTE), LAST]),
        ("{setWeight: 5, bake: 2m}", [Step(5, 2 * MINUTE), LAST]),
        ("{setWeight: 5}, {pause: 5m}", [Step(5, 5 * MINUTE), LAST]),
        ("{setWeight: 5, bake: 2m}, {pause: 5m}", [Step(5, 7 * MINUTE), LAST]),
        ("{setWeight: 5}, {pause: 5m}, {pause: 1m}", [Step(5, 6 * MINUTE), LAST]),
        ("{setWeight: 5}, {pause: {}}", [Step(5, MINUTE, PAUSE), LAST]),
        ("{setWeight: 5}, {pause: 2m}, {pause: {}}", [Step(5, 2 * MINUTE, PAUSE), LAST]),
        (
            "{setWeight: 5}, {pause: {}}, {pause: 2m}",
            [Step(5, MINUTE, PAUSE), Step(5, 2 * MINUTE), LAST],
        ),
        ("{setWeight: 5}, {approval: {role: admin}}", [Step(5, MINUTE, ADMIN), LAST]),
        (
            "{setWeight: 5}, {approval: {}}, {approval: {role: admin}}",
            [Step(5, MINUTE, OPERATOR), Step(5, 0 * MINUTE, ADMIN), LAST],
        ),
        ("{approval: {}}, {setWeight: 5}", [Step(0, 0 * MINUTE, OPERATOR), Step(5, MINUTE), LAST]),
        ("{pause: 2m}, {setWeight: 5}", [Step(0, 2 * MINUTE), Step(5, MINUTE), LAST]),
        ("{pause: {}}", [Step(0, 0 * MINUTE, PAUSE), LAST]),
        ("{setWeight: 0}", [Step(0, MINUTE), LAST]),
        ("{setWeight: 5}, {setWeight: 5}", [Step(5, MINUTE), Step(5, MINUTE), LAST]),
        ("{setWeight: 100}", [LAST]),
        ("{setWeight: 100, bake: 3m}", [Step(100, 3 * MINUTE)]),
        ("{setWeight: 100}, {pause: 4m}", [Step(100, 4 * MINUTE)]),
        (
            "{setWeight: 50}, {setWeight: 100}, {pause: {}}",
            [Step(50, MINUTE), Step(100, MINUTE, PAUSE)],
        ),
    ],
)
def test_steps(written: str, steps: list[Step]) -> None:
    assert list(plan_of(spec_of(f"steps: [{written}]\n")).steps) == steps


@pytest.mark.parametrize("strategy", Strategy)
def test_a_strategy_is_the_plan_where_the_spec_says_nothing(strategy: Strategy) -> None:
    preset, plan = PRESETS[strategy], plan_of(spec_of(f"strategy: {strategy.value}\n"))
    assert plan.steps == tuple(Step(weight, preset.bake) for weight in preset.weights)
    assert plan.analysis.interval == preset.interval
    assert plan.analysis.no_data_deadline == preset.no_data_deadline
    assert plan.analysis.on_no_data is OnNoData.PAUSE
    assert plan.progress_deadline == preset.progress_deadline
    assert plan.scale_down_delay == preset.scale_down_delay
    assert plan.drain_timeout == preset.drain_timeout
    assert plan.lease == preset.lease
    assert plan.canary_replicas is None


def _say(duration: timedelta) -> str:
    return f"{duration // MINUTE} min" if duration >= MINUTE else f"{duration.seconds} s"


@pytest.mark.parametrize("strategy", Strategy)
def test_a_strategys_sentence_says_its_numbers(strategy: Strategy) -> None:
    preset = PRESETS[strategy]
    count = {4: "four", 6: "six", 7: "seven"}[len(preset.weights)]
    least = len(preset.weights) * preset.bake
    assert preset.name is strategy
    assert preset.weights[0] <= 5
    assert preset.sentence.endswith(
        f"{count} steps from {preset.weights[0]} % to 100 %, {_say(preset.bake)} each, "
        f"{_say(least)} at least; the old version stays warm for {_say(preset.scale_down_delay)}"
    )


def test_what_the_spec_says_replaces_the_strategy() -> None:
    plan = plan_of(
        spec_of(
            "canary: {replicas: 2}\nanalysis: {interval: 2s, noDataDeadline: 0s}\n"
            "progressDeadline: 1m\nscaleDownDelay: 0s\ndrainTimeout: 0s\nlease: 3s\n"
        )
    )
    assert plan.canary_replicas == 2
    assert plan.analysis.interval == timedelta(seconds=2)
    assert plan.analysis.no_data_deadline == 0 * MINUTE
    assert plan.progress_deadline == MINUTE
    assert plan.scale_down_delay == 0 * MINUTE
    assert plan.drain_timeout == 0 * MINUTE
    assert plan.lease == timedelta(seconds=3)


ERRORS = Limit("error_rate", 0.01, None, 50)


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("", [ERRORS]),
        ("errorRate: 2%", [Limit("error_rate", 0.02, None, 50)]),
        ("latencyP95: 300ms", [ERRORS, Limit("latency_p95", 300.0, None, 50, quantile=0.95)]),
        ("latencyP99: 1s", [ERRORS, Limit("latency_p99", 1000.0, None, 50, quantile=0.99)]),
        (
            "latencyP99: 1s\nlatencyP50: 50ms",
            [
                ERRORS,
                Limit("latency_p50", 50.0, None, 50, quantile=0.5),
                Limit("latency_p99", 1000.0, None, 50, quantile=0.99),
            ],
        ),
        ("strategy: fast", [Limit("error_rate", 0.01, None, 20)]),
        ("traffic: {sticky: true}", [Limit("error_rate", 0.01, None, 50)]),
        (
            "traffic: {sticky: true}\nlatencyP95: 300ms",
            [
                Limit("error_rate", 0.01, None, 50),
                Limit("latency_p95", 300.0, None, 50, quantile=0.95),
            ],
        ),
        (
            "analysis: {metrics: [{name: errorRate, max: 5%, minRequests: 7}]}",
            [Limit("error_rate", 0.05, None, 7)],
        ),
        (
            "analysis: {metrics: [{name: latencyP90, maxIncreaseOverStable: 200%}]}",
            [ERRORS, Limit("latency_p90", None, 2.0, 50, quantile=0.9)],
        ),
        (
            "analysis: {metrics: [{name: latencyP75, max: 1ms}]}\nlatencyP95: 2ms",
            [
                ERRORS,
                Limit("latency_p75", 1.0, None, 50, quantile=0.75),
                Limit("latency_p95", 2.0, None, 50, quantile=0.95),
            ],
        ),
    ],
)
def test_limits(written: str, limits: list[Limit]) -> None:
    assert list(limits_of(spec_of(f"{written}\n"))) == limits


@pytest.mark.parametrize(
    ("written", "on_no_data"),
    [
        ("{}", OnNoData.PAUSE),
        ("{onNoData: rollback}", OnNoData.ROLLBACK),
        ("{metrics: [{name: errorRate, max: 1%, onNoData: pause}]}", OnNoData.PAUSE),
        ("{metrics: [{name: errorRate, max: 1%, onNoData: rollback}]}", OnNoData.ROLLBACK),
        (
            "{onNoData: pause, metrics: [{name: errorRate, max: 1%, onNoData: rollback}]}",
            OnNoData.ROLLBACK,
        ),
    ],
)
def test_the_most_cautious_wish_for_missing_evidence_wins(
    written: str, on_no_data: OnNoData
) -> None:
    assert plan_of(spec_of(f"analysis: {written}\n")).analysis.on_no_data is on_no_data


def test_metrics_of_ones_own() -> None:
    written = """\
analysis:
  metrics:
    - {name: declined, provider: prometheus, query: 'a{v="{{revision}}"}', total: b, max: 3%}
    - {name: score, provider: prometheus, query: c, range: [0, 10], min: 2, minRequests: 9,
       every: 15s}
    - {name: queue, provider: prometheus, query: d, max: 100}
"""
    its = plan_of(spec_of(written))
    assert its.analysis.limits == (ERRORS,)
    rate, mean, value = its.analysis.own
    assert (rate.kind, rate.max, rate.total, rate.min_points) == (OwnKind.RATE, 0.03, "b", 50)
    assert (mean.kind, mean.min, mean.low, mean.high) == (OwnKind.MEAN, 2.0, 0.0, 10.0)
    assert (mean.min_points, value.min_points) == (9, 5)
    assert (mean.every, value.every) == (timedelta(seconds=15), None)
    assert (value.kind, value.max, value.provider) == (OwnKind.VALUE, 100.0, "prometheus")
    assert "query: c" in dump(spec_of(written))


def test_the_skew_is_none_unless_said() -> None:
    assert plan_of(spec_of()).analysis.skew == timedelta(0)
    assert plan_of(spec_of("analysis: {skew: 10s}\n")).analysis.skew == timedelta(seconds=10)
