"""What no transition may break, whatever happens: the promises of the rollout as checks.

Used three ways: `advance` turns a broken one into a rollback, the property tests search for one,
and the simulator counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chimera.core.effects import (
    Commit,
    Install,
    Prepare,
    RemoveCanary,
    RemoveOld,
    Restore,
    Shift,
    Watch,
)
from chimera.core.plan import RolloutPlan
from chimera.core.state import HELD, Phase, State

_ROLLED_BACK = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})
_FORWARD = (Prepare, Install, Shift, Watch, Commit)


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise: the sentence for when it is broken, and whether a transition breaks it."""

    broken: str
    breaks: Callable[[RolloutPlan, State, State], bool]


def _claims_success(after: State) -> bool:
    return after.phase is Phase.SUCCEEDED and (
        after.promoted_at is None or bool(after.left) or after.weight != 100
    )


def _claims_rollback(after: State) -> bool:
    return after.phase in _ROLLED_BACK and (after.weight > 0 or bool(after.left))


def _rises(before: State, after: State) -> bool:
    return after.weight > before.weight or isinstance(after.work, Shift | Commit)


RULES = (
    Rule("the weight is outside 0 to 100", lambda _p, _b, a: not 0 <= a.weight <= 100),
    Rule("the generation fell", lambda _p, b, a: a.generation < b.generation),
    Rule(
        "the effect under way is not of this generation",
        lambda _p, _b, a: a.work is not None and a.work.generation != a.generation,
    ),
    Rule(
        "a rollout that was over went on",
        lambda _p, b, a: b.phase.final and (a.phase is not b.phase or a.work is not None),
    ),
    Rule("an unhealthy verdict was forgotten", lambda _p, b, a: b.condemned and not a.condemned),
    Rule(
        "the weight would rise after an unhealthy verdict",
        lambda _p, b, a: a.condemned and _rises(b, a),
    ),
    Rule(
        "a rollback that was decided on was given up",
        lambda _p, b, a: b.ending in _ROLLED_BACK and a.ending is not b.ending,
    ),
    Rule(
        "the canary would go forward after a rollback was decided on",
        lambda _p, _b, a: a.ending in _ROLLED_BACK and isinstance(a.work, _FORWARD),
    ),
    Rule(
        "a weight that is not in the plan",
        lambda p, _b, a: (
            isinstance(a.work, Shift) and all(a.work.weight != s.weight for s in p.steps)
        ),
    ),
    Rule(
        "a service that runs would be installed anew",
        lambda p, _b, a: isinstance(a.work, Install) and not p.install,
    ),
    Rule(
        "the plan would go on during a pause or at a gate",
        lambda _p, _b, a: a.phase in HELD and isinstance(a.work, Watch) and not a.work.hold,
    ),
    Rule(
        "a promotion before 100 % held for a healthy interval",
        lambda _p, _b, a: isinstance(a.work, Commit) and not (a.proven and a.weight == 100),
    ),
    Rule(
        "the stable version would be removed before the promotion",
        lambda _p, _b, a: (
            isinstance(a.work, RemoveOld)
            and (a.promoted_at is None or a.ending is not Phase.SUCCEEDED)
        ),
    ),
    Rule(
        "the canary would be removed while it has traffic",
        lambda _p, _b, a: (
            isinstance(a.work, RemoveCanary) and (a.weight > 0 or a.ending not in _ROLLED_BACK)
        ),
    ),
    Rule(
        "traffic would be given back without an end in mind",
        lambda _p, _b, a: isinstance(a.work, Restore) and a.ending not in _ROLLED_BACK,
    ),
    Rule(
        "success was claimed without a promotion or with something left behind",
        lambda _p, _b, a: _claims_success(a),
    ),
    Rule(
        "a rollback was claimed with traffic on the canary or something left behind",
        lambda _p, _b, a: _claims_rollback(a),
    ),
)


def violations(plan: RolloutPlan, before: State, after: State) -> tuple[str, ...]:
    """Return what a transition from `before` to `after` breaks, as sentences; () if nothing."""
    return tuple(rule.broken for rule in RULES if rule.breaks(plan, before, after))
