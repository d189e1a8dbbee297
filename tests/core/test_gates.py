"""Who may open an approval: the role that its step names, and nobody below it by a promotion."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.rollouts import AT, MINUTE, MOVES, make_plan, play

from chimera.core import events as e
from chimera.core.access import Role
from chimera.core.gates import role_for
from chimera.core.plan import Gate, GateKind, Step
from chimera.core.rollout import advance
from chimera.core.state import Phase, State

ADMINS = Gate(GateKind.APPROVAL, "admin")
OPERATORS = Gate(GateKind.APPROVAL, "operator")
PLAN = make_plan(Step(5, MINUTE, OPERATORS), Step(50, MINUTE, ADMINS), Step(100, MINUTE))
FIRST = play("start prepared shifted healthy", PLAN)
SECOND = play("approve shifted healthy", PLAN, FIRST)


def asked(state: State, verb: str, role: str) -> tuple[bool, str]:
    request = MOVES[verb](state)
    assert isinstance(request, e.AnyRequest)
    answer = advance(PLAN, state, replace(request, role=role))  # type: ignore[arg-type]
    return answer.refused, answer.answer


def test_the_gates_stand_where_they_should() -> None:
    assert FIRST.phase is SECOND.phase is Phase.AWAITING_APPROVAL
    assert (FIRST.step, SECOND.step) == (0, 1)


@pytest.mark.parametrize(
    ("state", "role", "opens"),
    [
        (FIRST, "viewer", False),
        (FIRST, "operator", True),
        (FIRST, "admin", True),
        (SECOND, "viewer", False),
        (SECOND, "operator", False),
        (SECOND, "admin", True),
        (SECOND, "", True),  # the owner of the data folder
    ],
)
def test_a_gate_opens_for_its_role_and_above(state: State, role: str, opens: bool) -> None:
    refused, said = asked(state, "approve", role)
    assert refused is not opens
    assert opens or f"you are {role} here" in said


@pytest.mark.parametrize("state", [play("start prepared shifted", PLAN), FIRST, SECOND])
def test_a_promotion_passes_gates_only_for_their_role(state: State) -> None:
    refused, said = asked(state, "promote", "operator")
    assert refused
    assert "needs the role admin" in said
    assert not asked(state, "promote", "admin")[0]


def test_an_approval_sent_twice_does_not_open_the_next_gate() -> None:
    """The second one arrives when the rollout stands at the gate of admins."""
    request = e.ApproveRequested(at=AT + timedelta(seconds=1), by="otto", role="operator")
    answer = advance(PLAN, SECOND, request)
    assert (answer.refused, answer.state) == (True, SECOND)


@pytest.mark.parametrize("verb", ["pause", "resume", "abort", "retry", "revert"])
def test_an_operator_steers_all_else_and_a_viewer_nothing(verb: str) -> None:
    assert role_for(PLAN, SECOND, verb) is Role.OPERATOR
    refused, said = asked(SECOND, verb, "viewer")
    assert refused
    assert "needs the role operator" in said
    assert "role" not in asked(SECOND, verb, "operator")[1]
