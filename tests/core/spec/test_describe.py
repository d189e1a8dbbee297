"""Each default that applies is said in one sentence; what the spec says is not repeated."""

import pytest
from tests.support.specs import spec_of

from chimera.core.spec import describe

ALL = (
    "Strategy: balanced, for most services: six steps from 5 % to 100 %, 1 min each, "
    "6 min at least; the old version stays warm for 5 min.",
    "Steps: 5, 10, 25, 50, 95 and 100 % of the traffic, each held for 1 min.",
    "Errors: at most 1 % of the requests.",
    "Errors are compared: more than 25 % above stable's is a fault.",
    "Latency is compared: more than 25 % above stable's slow requests is a fault.",
    "A version as healthy as stable is rolled back by chance in 1 % of rollouts.",
    "A step ends once faults that would spoil 1 % of all responses are ruled out.",
    "A check passes only after 50 requests to the canary.",
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
        ("analysis: {errorTolerance: 5%, latencyTolerance: 5%}", ALL[3:5], []),
        ("analysis: {falseAlarms: 0.5%, harmBudget: 2%}", ALL[5:7], []),
        (
            "analysis: {metrics: [{name: latencyP99, maxIncreaseOverStable: 50%}]}",
            [ALL[4]],
            [],
        ),
        (
            "analysis: {metrics: [{name: errorRate, max: 1%, minRequests: 5}]}\nlatencyP99: 1s",
            [ALL[2], ALL[7]],
            ["A check passes only after 50 requests to the canary unless it says otherwise."],
        ),
        (
            "analysis: {metrics: [{name: latencyP90, max: 1s, onNoData: rollback}]}",
            [ALL[10]],
            [],
        ),
        ("analysis: {interval: 2s, noDataDeadline: 1s, onNoData: pause}", ALL[8:11], []),
        (
            "traffic: {sticky: true}",
            ALL[3:7],
            [
                "Sticky users: only limits are judged, the versions are not compared.",
                "Latency: not judged, because no limit is given.",
            ],
        ),
        ("progressDeadline: 1m\nscaleDownDelay: 1s\ndrainTimeout: 1s", ALL[11:14], []),
        ("lease: 3s\ncanary: {replicas: 2}", ALL[14:], []),
    ],
)
def test_what_a_spec_says_is_no_default(written: str, gone: list[str], said: list[str]) -> None:
    lines = describe(spec_of(f"{written}\n"))
    assert set(ALL) - set(lines) == set(gone)
    assert [line for line in lines if line not in ALL] == said
