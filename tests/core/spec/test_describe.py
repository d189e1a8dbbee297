"""Each default that applies is said in one sentence, and all of how the canary is judged."""

from collections.abc import Sequence

import pytest
from tests.support.specs import spec_of

from chimera.core.spec import describe

JUDGED = (
    "Errors are compared: more than 25 % above stable's is a fault.",
    "Latency is compared: more than 25 % above stable's slow requests is a fault.",
    "A version as healthy as stable is rolled back by chance in 1 % of rollouts.",
    "A step ends once errors that would spoil 1 % of all responses at the next weight are ruled "
    "out; a worse version passes it by chance in 5 % of cases.",
    "A check passes only after 50 requests to the canary.",
    "The canary's latency is not judged in its first 30 s.",
)
ALL = (
    "Strategy: balanced, for most services: six steps from 5 % to 100 %, 1 min each, "
    "6 min at least; the old version stays warm for 5 min.",
    "Steps: 5, 10, 25, 50, 95 and 100 % of the traffic, each held for 1 min.",
    "Errors: at most 1 % of the requests.",
    *JUDGED,
    "The metrics are looked at every 1 s.",
    "A step that lacks evidence is held for 5 min past its bake.",
    "If evidence is still missing then, the rollout pauses.",
    "Without progress for 10 min, the rollout rolls back.",
    "After the promotion the old version is kept warm for 5 min.",
    "Requests in flight get 30 s to finish before a version is stopped.",
    "If Chimera is gone for 15 s, all traffic returns to stable by itself.",
    "The canary runs as many replicas as stable.",
)


def test_where_a_spec_says_nothing_all_defaults_are_said() -> None:
    assert describe(spec_of()) == ALL


def test_nothing_is_promised_that_a_platform_without_leases_cannot_keep() -> None:
    said = describe(spec_of(), leased=False)
    assert "If Chimera is gone, the weights stay as they are until it is back." in said
    assert not any("by itself" in line for line in said)


@pytest.mark.parametrize(
    ("written", "gone", "said"),
    [
        ("strategy: balanced", [ALL[0]], []),
        (
            "steps: [{setWeight: 5}, {pause: {}}, {setWeight: 25, bake: 1s}, {setWeight: 50}, "
            "{pause: 5m}]",
            [ALL[1]],
            [
                "Without a bake or a pause of its own, 5 % is held for 1 min.",
                "A last step to 100 % is added, held for 1 min.",
            ],
        ),
        ("steps: [{setWeight: 5, bake: 2m}, {setWeight: 100, bake: 1m}]", [ALL[1]], []),
        (
            "errorRate: 2%",
            [ALL[2]],
            [],
        ),
        ("latencyP99: 1s", [], []),
        (
            "analysis: {metrics: [{name: latencyP90, max: 1s, onNoData: rollback}]}",
            [ALL[11]],
            [],
        ),
        ("analysis: {interval: 2s, noDataDeadline: 1s, onNoData: pause}", ALL[9:12], []),
        (
            "traffic: {sticky: true}",
            [*JUDGED[:4], JUDGED[5]],
            [
                "Sticky users: only limits are judged, the versions are not compared.",
                "Latency: not judged, because no limit is given.",
                "A version within its limits is rolled back by chance in 1 % of rollouts.",
            ],
        ),
        ("progressDeadline: 1m\nscaleDownDelay: 1s\ndrainTimeout: 1s", ALL[12:15], []),
        ("lease: 3s\ncanary: {replicas: 2}", ALL[15:], []),
    ],
)
def test_what_a_spec_says_is_no_default(written: str, gone: list[str], said: list[str]) -> None:
    lines = describe(spec_of(f"{written}\n"))
    assert set(ALL) - set(lines) == set(gone)
    assert [line for line in lines if line not in ALL] == said


@pytest.mark.parametrize(
    ("written", "gone", "said"),
    [
        (
            "errorTolerance: 5%, latencyTolerance: 8%",
            JUDGED[:2],
            [
                "Errors are compared: more than 5 % above stable's is a fault.",
                "Latency is compared: more than 8 % above stable's slow requests is a fault.",
            ],
        ),
        (
            "falseAlarms: 0.5%, harmBudget: 2%",
            JUDGED[2:4],
            [
                "A version as healthy as stable is rolled back by chance in 0.5 % of rollouts.",
                "A step ends once errors that would spoil 2 % of all responses at the next weight "
                "are ruled out; a worse version passes it by chance in 5 % of cases.",
            ],
        ),
        ("warmUp: 30s", [], []),
        (
            "warmUp: 0s, skew: 10s",
            JUDGED[5:],
            [
                "The canary's latency is judged from its first request.",
                "The versions' numbers may lie 10 s apart: a look waits so long, and counts only "
                "if stable was well all the while.",
            ],
        ),
        (
            "metrics: [{name: latencyP99, maxIncreaseOverStable: 50%}]",
            JUDGED[1:2],
            ["P99 latency is compared: more than 50 % above stable's is a fault."],
        ),
        (
            "metrics: [{name: latencyP99, max: 1s}, {name: errorRate, max: 1%, minRequests: 5}]",
            JUDGED[4:5],
            [
                "A check passes only after enough requests to the canary: errors after 5, "
                "p99 latency after 50."
            ],
        ),
        (
            "metrics: [{name: paid, provider: prometheus, query: a, range: [0, 1], min: 0.5}]",
            [],
            ["A check of paid passes only after 5 values."],
        ),
    ],
)
def test_how_it_is_judged_is_said_with_the_values_in_force(
    written: str, gone: Sequence[str], said: list[str]
) -> None:
    lines = describe(spec_of(f"analysis: {{{written}}}\n"))
    assert set(JUDGED) - set(lines) == set(gone)
    assert [line for line in lines if line not in ALL] == said


def test_a_short_first_step_says_how_long_a_slow_start_is_none() -> None:
    (said,) = (one for one in describe(spec_of("strategy: fast\n")) if "its first" in one)
    assert said == (
        "The canary's latency is not judged in its first 4 s, and until 30 s not while it is "
        "slower than stable."
    )
