"""The reference page of the spec, written from the models.

python -m chimera.core.spec.reference > docs/reference/spec.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chimera.core.spec.checks import Analysis, Metric
from chimera.core.spec.describe import percent, say_weights
from chimera.core.spec.models import Canary, Spec, SpecTraffic
from chimera.core.spec.presets import PRESETS, Preset
from chimera.core.spec.samples import FULL, TEN_LINES
from chimera.core.spec.steps import STEPS
from chimera.core.spec.tree import MAX_BYTES, MAX_DEPTH
from chimera.core.spec.values import format_duration, format_percent, say_duration

_FROM_STRATEGY = {
    "progressDeadline", "scaleDownDelay", "drainTimeout", "lease",
    "interval", "noDataDeadline", "minRequests",
    "falseAlarms", "harmBudget", "errorTolerance", "latencyTolerance",
}  # fmt: skip
_SECTIONS: dict[str, type[BaseModel]] = {
    "analysis": Analysis,
    "analysis.metrics[]": Metric,
    "canary": Canary,
    "traffic": SpecTraffic,
}
_LIMITS = """\
What a file does not say, the strategy says. For limits that means: each kind of check that the file
names, errors or latency, replaces the strategy's check of that kind; a kind that is not named keeps
it. Whatever the limits, the canary's errors and latency are also compared with the running stable
version's by the tolerances, unless users are sticky; `maxIncreaseOverStable` takes the place of the
comparison of its kind. Latency is compared at several durations at once, so it needs no limit; what
takes less than 2 ms counts as equally fast. A check that fails is acted on at once; a step ends
after its bake when every check passes and errors worth the harm budget are ruled out."""
_STEPS = """\
- `setWeight` directly followed by a `pause` with a duration bakes for that pause; with a `bake` of
  its own, the two add up; with neither, it bakes for the strategy's time. Several pauses add up.
- `pause: {}` and `approval` come after the bake of the weight before them; first in the list, they
  hold the canary without traffic.
- A `pause` after one of these two holds the same weight for that time again.
- Weights never fall. Only a pause may follow 100; a last step to 100 is added where missing."""
_VALUES = f"""\
- A duration is written like `500ms`, `30s`, `5m` or `1h30m`; a number without a unit is refused.
- A share is written like `1%`, `0.5%` or `0.01`; a bare `1` could mean two things and is refused.
- `yes`, `no`, `on`, `off`, `1_000`, `1:30`, `010` and dates are text, as in YAML 1.2.
- Aliases, anchors, tags, keys that appear twice, several documents, more than {MAX_DEPTH} levels
  and more than {MAX_BYTES // 1024} KB are refused. Every problem of a file is reported at once."""


def reference() -> str:
    """Return the page as Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# The spec"
    yield "\n<!-- Written by `python -m chimera.core.spec.reference`: change the models. -->"
    yield "\nOne YAML file says which service, where it runs and how a new version is let in."
    yield f"\n```yaml\n{TEN_LINES}```"
    yield f"\nEverything that can be said:\n\n```yaml\n{FULL}```"
    yield f"\n`chimera schema` prints the JSON Schema for your editor.\n\n## Values\n\n{_VALUES}"
    yield "\n## Keys\n"
    yield from _table(Spec)
    yield "\n### `steps[]`\n"
    yield "One of:\n"
    for name, kind in STEPS.items():
        yield f"**`{name}`**: {_lower(kind.__doc__ or '')}\n"
        yield from _table(kind)
        yield ""
    yield _STEPS
    for title, model in _SECTIONS.items():
        yield f"\n### `{title}`\n\n{model.__doc__}\n"
        yield from _table(model)
    yield "\n## Strategies\n"
    yield from (f"- **{preset.name.value}**: {preset.sentence}." for preset in PRESETS.values())
    yield ""
    yield from _strategies()
    yield f"\n{_LIMITS}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _table(model: type[BaseModel]) -> Iterator[str]:
    yield "| Key | Default | Meaning |"
    yield "|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{field.alias or name}` | {_default(field, name)} | {field.description} |"


def _default(field: FieldInfo, name: str) -> str:
    if field.is_required():
        return "required"
    if (field.alias or name) in _FROM_STRATEGY:
        return "the strategy's"
    default = field.default
    if default is None or field.default_factory or default == ():
        return ""
    return f"`{str(default).lower()}`"


def _strategies() -> Iterator[str]:
    presets = tuple(PRESETS.values())
    yield f"| | {' | '.join(preset.name.value for preset in presets)} |"
    yield "|---" * (len(presets) + 1) + "|"
    for title, cells in _ROWS.items():
        yield f"| {title} | {' | '.join(cells(preset) for preset in presets)} |"


_ROWS: dict[str, Callable[[Preset], str]] = {
    "weights": lambda p: say_weights(p.weights),
    "bake of each": lambda p: say_duration(p.bake),
    "errors, at most": lambda p: percent(p.error_rate),
    "`errorTolerance`": lambda p: format_percent(p.error_tolerance),
    "`latencyTolerance`": lambda p: format_percent(p.latency_tolerance),
    "`falseAlarms`": lambda p: format_percent(p.false_alarms),
    "`harmBudget`": lambda p: format_percent(p.harm_budget),
    "`minRequests`": lambda p: str(p.min_requests),
    "`interval`": lambda p: format_duration(p.interval),
    "`noDataDeadline`": lambda p: format_duration(p.no_data_deadline),
    "`progressDeadline`": lambda p: format_duration(p.progress_deadline),
    "`scaleDownDelay`": lambda p: format_duration(p.scale_down_delay),
    "`drainTimeout`": lambda p: format_duration(p.drain_timeout),
    "`lease`": lambda p: format_duration(p.lease),
}

if __name__ == "__main__":
    sys.stdout.write(reference())
