"""What the judge remembers between looks, of bounded size, and its way to text and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from chimera.core.analysis.dispersion import Spread
from chimera.core.analysis.kernel import NEVER
from chimera.core.analysis.looks import merge
from chimera.core.model import Look, Tally

VERSION = 2
MAX_BETS = 16


@dataclass(frozen=True, slots=True)
class Counts:
    """Bad responses and responses of both arms; bad ones may be estimated, hence fractions."""

    bad: float = 0
    n: int = 0
    stable_bad: float = 0
    stable_n: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.bad + other.bad,
            self.n + other.n,
            self.stable_bad + other.stable_bad,
            self.stable_n + other.stable_n,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one check has gathered over the whole deployment.

    bets: ln of the value of each bet, None where nothing is staked yet; () before the first look.
    drift, since, since_s: the suspicious stretch up to now, for words.
    """

    bets: tuple[float | None, ...] = ()
    drift: float = 0.0
    since: Counts = field(default_factory=Counts)
    since_s: float = 0.0

    def logs(self, bets: int) -> tuple[float, ...]:
        """Return the bets with minus infinity for those not placed."""
        known = self.bets if len(self.bets) == bets else (None,) * bets
        return tuple(NEVER if bet is None else bet for bet in known)


@dataclass(frozen=True, slots=True)
class OwnEvidence:
    """What one check of the operator's own has gathered.

    bets: over the deployment, as in `Evidence`; spread, stable_spread: how each arm's bad events
    cluster, likewise; past_n, past_bad: stable's events before this watch. The rest is of this
    watch. n, total: events and bad ones, or values and their sum; last: the latest values; streak:
    values in a row beyond a plain limit. why: why the last look said nothing, or "".
    """

    bets: tuple[float | None, ...] = ()
    n: int = 0
    total: float = 0.0
    stable_n: int = 0
    stable_total: float = 0.0
    last: float | None = None
    last_stable: float | None = None
    streak: int = 0
    why: str = ""
    spread: Spread = field(default_factory=Spread)
    stable_spread: Spread = field(default_factory=Spread)
    past_n: int = 0
    past_bad: float = 0.0

    def logs(self, bets: int) -> tuple[float, ...]:
        """Return the bets with minus infinity for those not placed."""
        return Evidence(self.bets).logs(bets)

    @property
    def clumps(self) -> Spread:
        """How bad events cluster, of both arms together."""
        both = (self.spread, self.stable_spread)
        return Spread(
            sum(one.spread for one in both),
            sum(one.chance for one in both),
            sum(one.pairs for one in both),
            sum(one.events for one in both),
        )

    @property
    def stable_seen(self) -> tuple[float, int]:
        """Stable's bad events and all of them, over the deployment."""
        return self.past_bad + self.stable_total, self.past_n + self.stable_n

    def renewed(self) -> OwnEvidence:
        """Return what a new watch keeps."""
        bad, n = self.stable_seen
        return OwnEvidence(
            self.bets,
            spread=self.spread,
            stable_spread=self.stable_spread,
            past_n=n,
            past_bad=bad,
        )


@dataclass(frozen=True, slots=True)
class JudgeState:
    """The judge's memory: begun once per watch, carried over the deployment.

    canary, stable, window, gate, gate_passed: since this watch began; past_stable: before it.
    elapsed_s, changes, spent: of the deployment. seen_at: the last usable look; gap: why the last
    one was not. waiting, judged: looks kept, and the last one learnt, where the arms are skewed.
    error_spread, latency_spread: how stable's failures and slow requests cluster. served_s: how
    long the canary has had traffic; warm: its latency was once like stable's since; warming,
    warming_s: its latest requests until then. own: the operator's own metrics.
    """

    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    window: timedelta = timedelta(0)
    gate: tuple[float, ...] = ()
    gate_passed: bool = False
    weight: int = 0
    past_stable: Tally = field(default_factory=Tally)
    elapsed_s: float = 0.0
    changes: int = 0
    spent: float = 0.0
    started: bool = False
    seen_at: datetime | None = None
    gap: str = ""
    waiting: tuple[Look, ...] = ()
    judged: Look | None = None
    checks: tuple[Evidence, ...] = ()
    error_spread: Spread = field(default_factory=Spread)
    latency_spread: Spread = field(default_factory=Spread)
    served_s: float = 0.0
    warm: bool = False
    warming: Tally = field(default_factory=Tally)
    warming_s: float = 0.0
    own: tuple[OwnEvidence, ...] = ()
    version: int = VERSION

    @property
    def cash(self) -> float:
        """The share of the stake that is not yet placed."""
        return max(1.0 - self.spent, 0.0)


def past_stable(state: JudgeState) -> Tally:
    """Return all that is known of stable over the deployment."""
    return merge(state.past_stable, state.stable)


_ADAPTER = TypeAdapter(JudgeState)


def dump(state: JudgeState) -> str:
    """Return the state as compact JSON."""
    return _ADAPTER.dump_json(state, exclude_defaults=True).decode()


def load(text: str) -> JudgeState:
    """Return the state that `dump` wrote; a fresh one if the text is empty, foreign or damaged."""
    try:
        state = _ADAPTER.validate_json(text)
    except (ValidationError, ValueError):
        return JudgeState()
    return state if state.version == VERSION and _sound(state) else JudgeState()


def _sound(state: JudgeState) -> bool:
    kept = (*state.waiting, *((state.judged,) if state.judged else ()))
    tallies = [state.canary, state.stable, state.past_stable, state.warming]
    tallies += [arm for look in kept for arm in (look.canary, look.stable)]
    counts: list[float] = [n for t in tallies for n in (t.requests, t.errors, *t.cells)]
    numbers = [state.elapsed_s, state.spent, state.window.total_seconds()]
    numbers += [state.served_s, state.warming_s]
    spreads = [each for mine in state.own for each in (mine.spread, mine.stable_spread)]
    for known in (state.error_spread, state.latency_spread, *spreads):
        counts += [known.pairs, known.bad, known.n]
        numbers += [known.spread, known.chance, known.events]
    numbers += [bound for tally in tallies for bound in tally.bounds_ms]
    for check in state.checks:
        counts += [check.since.bad, check.since.n, check.since.stable_bad, check.since.stable_n]
        numbers += [check.drift, check.since_s]
    known_bets = [check.bets for check in state.checks] + [mine.bets for mine in state.own]
    bets = [bet for placed in known_bets for bet in placed if bet is not None]
    for mine in state.own:
        counts += [mine.n, mine.stable_n, mine.streak, mine.past_n]
        bets += [mine.total, mine.stable_total, mine.last or 0.0, mine.last_stable or 0.0]
        bets.append(mine.past_bad)
    return (
        all(n >= 0 and math.isfinite(n) for n in counts)
        and all(math.isfinite(x) and x >= 0 for x in numbers)
        and all(map(math.isfinite, (*bets, *state.gate)))
        and state.spent <= 1.0 + 1e-9
        and 0 <= state.weight <= 100
        and max(map(len, known_bets), default=0) <= MAX_BETS
        and all(not t.cells or len(t.cells) == len(t.bounds_ms) + 1 for t in tallies)
        and (state.seen_at is None or state.seen_at.tzinfo is not None)
        and all(look.at.tzinfo is not None and look.span >= timedelta(0) for look in kept)
    )
