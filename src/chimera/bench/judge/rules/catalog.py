"""Finding the rules: every module beside this one that lists ENTRANTS competes."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from chimera.bench.judge import rules
from chimera.bench.judge.arena import Entrant, Role


def entrants(*roles: Role) -> tuple[Entrant, ...]:
    """Return the entrants of these roles, or all; ours first, then by role and file."""
    names = sorted(module.name for module in iter_modules(rules.__path__))
    modules = [import_module(f"{rules.__name__}.{name}") for name in names]
    found = [entrant for module in modules for entrant in getattr(module, "ENTRANTS", ())]
    order = list(Role)
    chosen = [entrant for entrant in found if not roles or entrant.role in roles]
    return tuple(sorted(chosen, key=lambda entrant: order.index(entrant.role)))
