"""Which role a request needs: an approval step names who may open it, and a promotion skips it."""

from __future__ import annotations

from chimera.core.access import Role
from chimera.core.plan import RolloutPlan
from chimera.core.state import State


def role_for(plan: RolloutPlan, state: State, verb: str) -> Role:
    """Return the role that a request needs now: operator, or that of a gate which it passes.

    An approval passes the gate of its step; a promotion passes all that are left.
    """
    at = max(state.step, 0)
    passed = {"approve": plan.steps[at : at + 1], "promote": plan.steps[at:]}.get(verb, ())
    roles = {step.gate.role for step in passed if step.gate is not None}
    promoted = state.promoted_at is not None
    return Role.ADMIN if Role.ADMIN in roles and not promoted else Role.OPERATOR


def refused_to(plan: RolloutPlan, state: State, verb: str, role: str) -> str:
    """Say why a request of somebody with `role` is refused; "" if it is not.

    role: "" is the owner of the data folder, whose command line asks without signing in.
    """
    needed = role_for(plan, state, verb)
    if not role or Role(role).includes(needed):
        return ""
    what = "this approval" if verb == "approve" else "to promote past an approval that is left"
    return f"{what} needs the role {needed}; you are {role} here"
