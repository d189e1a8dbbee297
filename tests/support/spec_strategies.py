"""Hypothesis strategies: specs as YAML text, good ones and ones that went wrong."""

import json
from typing import Any

import yaml
from hypothesis import strategies as st

METRICS = ["errorRate", "latencyP50", "latencyP75", "latencyP90", "latencyP95", "latencyP99"]


def durations(least_s: int, most_s: int) -> st.SearchStrategy[str]:
    seconds = st.integers(least_s, most_s)
    return st.one_of(
        seconds.map(lambda s: f"{s}s"),
        seconds.map(lambda s: f"{s // 3600}h{s % 3600 // 60}m{s % 60}s"),
        seconds.map(lambda s: f"{s * 1000}ms"),
    )


def shares(least: int, most: int) -> st.SearchStrategy[Any]:
    """Thousandths of a percent, as a percentage or, below 1, as a number."""
    thousandths = st.integers(least, most)
    return st.one_of(
        thousandths.map(lambda n: f"{n // 1000}.{n % 1000:03d}%"),
        thousandths.map(lambda n: n / 100_000 if 10 <= n < 100_000 else f"{n / 1000:.3f}%"),
    )


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    weights = sorted(draw(st.lists(st.integers(0, 99), max_size=6)))
    pause: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"pause": st.one_of(durations(1, 9000), st.just({}), st.none())}
    )
    role = st.sampled_from([{}, {"role": "operator"}, {"role": "admin"}, None])
    gate = st.one_of(pause, st.fixed_dictionaries({"approval": role}))
    bake = st.fixed_dictionaries({}, optional={"bake": durations(1, 9000)})
    found = draw(st.lists(gate, max_size=2))
    for weight in weights:
        found += [{"setWeight": weight, **draw(bake)}, *draw(st.lists(gate, max_size=3))]
    if draw(st.booleans()) or not found:
        found += [{"setWeight": 100, **draw(bake)}, *draw(st.lists(pause, max_size=2))]
    return found


@st.composite
def metrics(draw: st.DrawFn, names: list[str], *, compared: bool) -> list[dict[str, Any]]:
    found = []
    for name in draw(st.lists(st.sampled_from(names), unique=True)) if names else []:
        limit = shares(1, 99_000) if name == "errorRate" else durations(1, 3600)
        increase = {"maxIncreaseOverStable": shares(1000, 500_000)} if compared else {}
        both = st.fixed_dictionaries({"max": limit}, optional=increase)
        one = st.fixed_dictionaries(increase) if increase else both
        rest = st.fixed_dictionaries(
            {},
            optional={
                "minRequests": st.integers(1, 1_000_000),
                "onNoData": st.sampled_from(["pause", "rollback"]),
            },
        )
        found.append({"name": name, **draw(st.one_of(both, one)), **draw(rest)})
    return found


TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t"), max_size=20
)
TARGET = st.fixed_dictionaries(
    {"platform": st.just("box"), "port": st.integers(1, 65535)},
    optional={
        "command": st.one_of(TEXTS, st.lists(TEXTS, max_size=3)),
        "env": st.dictionaries(TEXTS, TEXTS, max_size=3),
        "startTimeout": durations(0, 10_000),
        "disks": st.lists(st.fixed_dictionaries({"size": st.integers(1, 9)}), max_size=2),
    },
)


Content = dict[str, st.SearchStrategy[Any]]
SHORTHANDS: Content = {
    "errorRate": shares(1, 99_000),
    "latencyP50": durations(1, 3600),
    "latencyP95": durations(1, 3600),
    "latencyP99": durations(1, 3600),
}
OPTIONAL: Content = {
    "strategy": st.sampled_from(["careful", "balanced", "fast"]),
    "steps": steps(),
    "canary": st.fixed_dictionaries({}, optional={"replicas": st.integers(1, 1000)}),
    "progressDeadline": durations(10, 86_400),
    "scaleDownDelay": durations(0, 604_800),
    "drainTimeout": durations(0, 3600),
    "lease": durations(3, 600),
}


@st.composite
def good_specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec's content as plain values, in the order of its keys as drawn."""
    sticky = draw(st.booleans())
    shorthands: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=SHORTHANDS))
    free = [name for name in METRICS if name not in shorthands]
    analysis: Content = {
        "interval": durations(1, 300),
        "noDataDeadline": durations(0, 86_400),
        "falseAlarms": shares(10, 20_000),
        "harmBudget": shares(10, 50_000),
        "errorTolerance": shares(1000, 500_000),
        "latencyTolerance": shares(1000, 500_000),
        "warmUp": durations(0, 3600),
        "skew": durations(0, 600),
        "onNoData": st.sampled_from(["pause", "rollback"]),
        "metrics": metrics(free, compared=not sticky),
    }
    traffic: Content = {"sticky": st.just(sticky)}
    override: Content = {"override": st.booleans()}
    required: Content = {
        "version": st.just(1),
        "service": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True),
        "target": TARGET,
        "traffic": st.fixed_dictionaries(traffic, optional=override),
    }
    optional = {**OPTIONAL, "analysis": st.fixed_dictionaries({}, optional=analysis)}
    content = draw(st.fixed_dictionaries(required, optional=optional)) | shorthands
    return {key: content[key] for key in draw(st.permutations(sorted(content)))}


def good_texts() -> st.SearchStrategy[str]:
    """Good specs as YAML in block and flow style."""
    return st.builds(
        lambda content, flow: str(
            yaml.safe_dump(
                json.loads(json.dumps(content)),
                sort_keys=False,
                allow_unicode=True,
                default_flow_style=flow,
                width=1000,
            )
        ),
        good_specs(),
        st.sampled_from([True, False, None]),
    )


PIECES = st.sampled_from(
    [
        *"{}[]:,#&*!|>'\"%@`?-~\n\t \\",
        *("\0", "\x1b", "\ufeff", "\u2028", "\ud800", "  ", "- ", ": ", "? ", "<<: "),
        *("&a ", "*a", "!!int ", "---\n", "...\n", "%YAML 9\n", "null", "true", "1e999", ".nan"),
        *("9" * 5000, "'\\UFFFFFFFF'", '"\\UFFFFFFFF"', '"\\x00"', "[" * 50, "steps:"),
    ]
)


@st.composite
def broken_texts(draw: st.DrawFn) -> str:
    """Good specs with pieces cut out, doubled or put in."""
    text = draw(good_texts())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(
            st.one_of(st.just(""), PIECES, st.just(text[start:end] * 2), st.text(max_size=5))
        )
        text = text[:start] + piece + text[end:]
    return text
