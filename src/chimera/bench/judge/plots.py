"""The report's drawings, as SVG files that are the same for the same results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from chimera.bench.judge.arena import Role
from chimera.bench.judge.comparing import NOTHING, Cell, cells, mean
from chimera.bench.judge.contest import HONEST, Result
from chimera.bench.judge.grid import FAULTS, HEALTHY
from chimera.bench.judge.tables import SAME_DUTY, least, names

_STYLE: Any = {"svg.hashsalt": "chimera", "svg.fonttype": "none", "font.size": 9}
_DRAWN = 0.03


def draw(folder: Path, results: Sequence[Result], rule: str, slower: str) -> None:
    """Draw all figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        _save(harm(results, rule, slower), folder / "harm.svg")
        _save(alarms(results, rule), folder / "false-rollbacks.svg")


def harm(results: Sequence[Result], rule: str, slower: str) -> Figure:
    """Draw the bad responses per rollout and fault, geometric means over all its worlds."""
    ours, other = cells(results, rule), cells(results, slower)
    faults = [fault.name for fault in FAULTS]
    drawn: dict[str, tuple[tuple[Cell, ...], str, Callable[[Cell], float]]] = {
        "no analysis": (ours, "x", lambda c: c.here[NOTHING].excess),
        "best honest peer": (ours, "s", lambda c: c.peer.excess),
        slower: (other, "^", lambda c: c.ours.excess),
        rule: (ours, "o", lambda c: c.ours.excess),
        "clairvoyant, same warm-up": (ours, "D", lambda c: c.here[SAME_DUTY].excess),
        "bound": (ours, "|", least),
    }
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for label, (found, marker, value) in drawn.items():
        points = [
            mean((c for c in found if c.fault == fault), partial(_at_least, value))
            for fault in faults
        ]
        axes.plot(points, range(len(faults)), marker, label=label, markersize=6, linestyle="")
    axes.set_yticks(range(len(faults)), faults)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("excess bad responses per rollout (geometric mean over rates and errors)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.4, 1.16), ncols=3, frameon=False)
    return figure


def _at_least(value: Callable[[Cell], float], cell: Cell) -> float:
    """Return a value that a logarithmic axis can show."""
    return max(value(cell), _DRAWN)


def alarms(results: Sequence[Result], rule: str) -> Figure:
    """Draw the worst share of healthy versions rolled back, per kind of world and rule."""
    kinds = [world.name for world in HEALTHY]
    rules = [rule, *names(results, Role.PEER, Role.SHARPENED)]
    worst = np.array(
        [
            [
                max(
                    one.rolled_back
                    for one in results
                    if one.rule == name and one.world == kind and not one.faulty
                )
                for kind in kinds
            ]
            for name in rules
        ]
    )
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.minimum(worst, 0.5), cmap="Reds", aspect="auto", vmin=0, vmax=0.5)
    axes.set_xticks(range(len(kinds)), kinds, rotation=25, ha="right")
    axes.set_yticks(range(len(rules)), rules)
    for (y, x), share in np.ndenumerate(worst):
        weight = "bold" if share <= HONEST else "normal"
        colour = "white" if share > HONEST * 35 else "black"
        axes.text(x, y, f"{share:.1%}", ha="center", va="center", color=colour, weight=weight)
    axes.set_title("healthy versions rolled back, worst rate", fontsize=9)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None})
