"""What good specs mean, and that text which looks like something else stays text."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.specs import HEAD, TARGETS, BoxOptions, CloudOptions, spec_of

from chimera.core.plan import OnNoData
from chimera.core.spec import Strategy, load, service_of

SECOND = timedelta(seconds=1)


def test_three_lines_are_a_spec() -> None:
    spec = spec_of()
    assert (spec.version, spec.service, spec.strategy) == (1, "checkout", Strategy.BALANCED)
    assert spec.target.platform == "box"
    assert spec.target.options == BoxOptions(port=80)
    assert spec.steps is None
    assert spec.error_rate is None


def test_the_platform_chooses_the_options() -> None:
    text = "version: 1\nservice: c\ntarget: {platform: cloud, region: eu-west-1}\n"
    assert load(text, targets=TARGETS).target.options == CloudOptions(region="eu-west-1")


@pytest.mark.parametrize(
    ("written", "ratio"),
    [
        ("1%", 0.01),
        ("1 %", 0.01),
        ("0.5%", 0.005),
        ('"0.5 %"', 0.005),
        ("0.01", 0.01),
        ("0.010", 0.01),
        (".01", 0.01),
        ("99%", 0.99),
        ("0.001%", 0.00001),
        ("7%", 0.07),
    ],
)
def test_shares(written: str, ratio: float) -> None:
    assert spec_of(f"errorRate: {written}\n").error_rate == ratio


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("1500ms", 1.5),
        ("30s", 30),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("'1m1s1ms'", 61.001),
    ],
)
def test_durations(written: str, seconds: float) -> None:
    assert spec_of(f"scaleDownDelay: {written}\n").scale_down_delay == seconds * SECOND


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("on", "on"),
        ("Off", "Off"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("+1", "+1"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ("9" * 5000, "9" * 5000),
        ("'true'", "true"),
        ('"5"', "5"),
        ("'~'", "~"),
        ('"a\\tb"', "a\tb"),
        ("|\n    a\n    b\n", "a\nb\n"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_what_looks_like_something_else_is_the_text_that_was_written(
    written: str, text: str
) -> None:
    spec = load(
        f"version: 1\nservice: c\ntarget:\n  platform: box\n  port: 80\n  command: {written}\n",
        targets=TARGETS,
    )
    assert spec.target.options == BoxOptions(port=80, command=text)


def test_a_service_may_be_called_on() -> None:
    text = "version: 1\nservice: on\ntarget: {platform: box, port: 80}\n"
    assert load(text, targets=TARGETS).service == "on"


@pytest.mark.parametrize(
    "written", ["pause: {}", "pause:", "pause: null", "pause: ~", "pause: {duration: }"]
)
def test_a_pause_without_a_duration_waits_for_a_person(written: str) -> None:
    steps = spec_of(f"steps:\n  - {written}\n").steps
    assert steps is not None
    assert steps[0].model_dump() == {"pause": {}}


def test_a_pause_may_be_written_as_in_argo() -> None:
    plain = spec_of("steps: [{pause: 5m}]\n")
    assert spec_of("steps: [{pause: {duration: 5m}}]\n") == plain


@pytest.mark.parametrize("written", ["approval:", "approval: {}", "approval: {role: operator}"])
def test_an_approval_is_an_operators_by_default(written: str) -> None:
    steps = spec_of(f"steps:\n  - {written}\n").steps
    assert steps is not None
    assert steps[0].model_dump() == {"approval": {"role": "operator"}}


def test_everything_else_is_read_as_written() -> None:
    spec = spec_of(
        "strategy: careful\ncanary: {replicas: 2}\ntraffic: {sticky: true, override: false}\n"
        "analysis: {interval: 2s, noDataDeadline: 0s, onNoData: rollback}\n"
        "progressDeadline: 1m\nscaleDownDelay: 0s\ndrainTimeout: 5s\nlease: 3s\n"
    )
    assert spec.strategy is Strategy.CAREFUL
    assert spec.canary.replicas == 2
    assert (spec.traffic.sticky, spec.traffic.override) == (True, False)
    assert spec.analysis.interval == 2 * SECOND
    assert spec.analysis.no_data_deadline == 0 * SECOND
    assert spec.analysis.on_no_data is OnNoData.ROLLBACK
    assert spec.lease == 3 * SECOND


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEAD,
        "---\n" + HEAD,
        "%YAML 1.2\n---\n" + HEAD + "...\n",
        HEAD.replace("\n", "\r\n"),
        "# a comment\n\n" + HEAD,
        '{"version": 1, "service": "checkout", "target": {"platform": "box", "port": 80}}',
    ],
    ids=["byte order mark", "document start", "directive", "crlf", "comment", "json"],
)
def test_other_ways_to_write_the_same(text: str) -> None:
    assert load(text, targets=TARGETS) == spec_of()


def test_a_service_has_the_platforms_options_complete() -> None:
    service = service_of(spec_of("traffic: {sticky: true}\n"))
    expected: dict[str, Any] = {
        "port": 80,
        "command": "run",
        "env": {},
        "startTimeout": None,
        "disks": [],
    }
    assert (service.name, service.platform) == ("checkout", "box")
    assert service.settings == expected
    assert BoxOptions.model_validate(service.settings) == BoxOptions(port=80)
    assert (service.traffic.sticky, service.traffic.override) == (True, True)


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        spec_of().service = "other"  # type: ignore[misc]
