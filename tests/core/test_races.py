"""Two things at once: which of them wins, and what is never lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.rollouts import AT, MINUTE, MOVES, PLAN, judged, make_plan, play, situation

from chimera.core import events as e
from chimera.core.effects import Commit, RemoveCanary, RemoveOld, Restore, Shift, Watch
from chimera.core.model import Verdict
from chimera.core.plan import Gate, GateKind, OnNoData, Step
from chimera.core.rollout import advance
from chimera.core.state import Phase

OPEN = "pending|preparing|first shift|watching|paused by a person|foreign edit|awaiting approval"


@pytest.mark.parametrize("where", [*OPEN.split("|"), "last shift", "watching 100 %", "committing"])
def test_an_abort_before_the_commit_wins(where: str) -> None:
    before = situation(where)
    aborted = play("abort", state=before)
    assert (aborted.phase, aborted.ending) == (Phase.ROLLING_BACK, Phase.ABORTED)
    for name in ("prepared", "shifted", "healthy", "committed", "failed", "foreign"):
        late = replace_generation(MOVES[name](before), before.generation)
        assert advance(PLAN, aborted, late).ignored
    assert play("abort", state=aborted) == aborted
    assert play("restored removed", state=aborted).phase is Phase.ABORTED


def replace_generation(event: e.AnyEvent, generation: int) -> e.AnyResult:
    assert isinstance(event, e.AnyResult)
    return replace(event, generation=generation)


def test_an_abort_after_the_commit_is_too_late_and_says_what_helps() -> None:
    warm = situation("old version warm")
    answer = advance(PLAN, warm, MOVES["abort"](warm))
    assert answer.refused
    assert "too late to abort" in answer.answer
    assert "`chimera revert`" in answer.answer


@pytest.mark.parametrize("where", ["second shift", "last shift", "paused by a person"])
def test_an_unhealthy_verdict_is_never_too_late(where: str) -> None:
    state = situation(where)
    late = replace_generation(judged(state, Verdict.UNHEALTHY), 3)
    after = advance(PLAN, state, late).state
    assert after.condemned
    assert isinstance(after.work, Restore)


@pytest.mark.parametrize("verdict", [Verdict.HEALTHY, Verdict.INCONCLUSIVE])
def test_any_other_verdict_can_be_too_late(verdict: Verdict) -> None:
    state = situation("second shift")
    assert advance(PLAN, state, replace_generation(judged(state, verdict), 3)).ignored


def test_an_alarm_from_the_future_or_after_the_commit_is_ignored() -> None:
    for where, generation in (("second shift", 99), ("old version warm", 3), ("pending", 0)):
        state = situation(where)
        alarm = replace_generation(judged(state, Verdict.UNHEALTHY), generation)
        assert advance(PLAN, state, alarm).ignored


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("preparing", "shifted"),
        ("first shift", "healthy"),
        ("first shift", "unhealthy"),
        ("first shift", "prepared"),
        ("watching", "shifted"),
        ("watching", "committed"),
        ("committing", "restored"),
        ("committing", "healthy"),
        ("restoring", "removed"),
        ("restoring", "foreign"),
        ("restoring", "unhealthy"),
        ("removing the canary", "restored"),
        ("removing the old version", "committed"),
    ],
)
def test_an_answer_that_does_not_fit_the_work_changes_nothing(where: str, answer: str) -> None:
    state = situation(where)
    after = advance(PLAN, state, MOVES[answer](state))
    assert after.ignored
    assert after.state == state


def test_an_overtaken_shift_is_no_foreign_edit() -> None:
    overtaken = play("approve promote", state=situation("awaiting approval, lease lost"))
    work = overtaken.work
    assert isinstance(work, Shift)
    assert (work.weight, work.weight_before, work.perhaps) == (100, 0, (50,))
    promoted = play("promote", state=situation("second shift"))
    assert isinstance(promoted.work, Shift)
    assert (promoted.work.weight_before, promoted.work.perhaps) == (5, (50,))


def test_a_shift_that_reads_back_something_else_is_a_foreign_edit() -> None:
    state = situation("first shift")
    after = advance(PLAN, state, e.Shifted(at=AT, generation=2, weight=37)).state
    assert (after.phase, after.foreign, after.work) == (Phase.PAUSED, "37 %", None)


def test_resuming_after_a_foreign_edit_overwrites_it_and_can_be_asked_about() -> None:
    resumed = play("resume", state=situation("foreign edit"))
    assert isinstance(resumed.work, Shift)
    assert resumed.work.overwrite
    assert resumed.foreign == ""
    assert play("shifted", state=resumed).phase is Phase.PROGRESSING


def test_a_pause_and_its_withdrawal_leave_no_trace() -> None:
    state = situation("first shift")
    wanted = play("pause", state=state)
    assert wanted.pause_wanted
    assert play("resume", state=wanted) == state
    after_edit = play("foreign resume", state=wanted)
    assert not after_edit.pause_wanted
    assert isinstance(after_edit.work, Shift)


def test_a_failed_restore_is_tried_for_ever_and_removes_nothing() -> None:
    state = situation("restoring")
    for _ in range(20):
        state = play("failed", state=state)
        assert (state.phase, state.work) == (Phase.ROLLING_BACK, None)
        assert state.wake_at is not None
        assert AT < state.wake_at <= AT + MINUTE
        state = play("wake", state=state)
        assert isinstance(state.work, Restore)
    assert isinstance(play("restored", state=state).work, RemoveCanary)


def test_a_promotion_at_a_lost_lease_goes_back_to_100_before_its_interval() -> None:
    plan = make_plan(Step(100, MINUTE, Gate(GateKind.APPROVAL)))
    lost = play("start prepared shifted healthy lease_lost", plan)
    for request in ("approve", "promote"):
        state = play(request, plan, lost)
        assert isinstance(state.work, Shift)
        assert not state.proven
        baked = play("shifted healthy", plan, state)
        assert isinstance(baked.work, Commit)  # the gate was passed once


@pytest.mark.parametrize("request_", ["promote", "resume"])
def test_a_pause_at_100_that_lost_its_lease_goes_back_to_100_first(request_: str) -> None:
    lost = play("lease_lost", state=situation("paused at 100 %"))
    assert (lost.phase, lost.weight) == (Phase.PAUSED, 0)
    state = play(request_, state=lost)
    assert isinstance(state.work, Shift)
    assert state.phase is Phase.PROMOTING


@pytest.mark.parametrize("request_", ["promote", "approve"])
def test_a_promotion_from_the_last_gate_needs_no_second_interval(request_: str) -> None:
    plan = make_plan(Step(100, MINUTE, Gate(GateKind.APPROVAL)))
    assert isinstance(play(f"start prepared shifted healthy {request_}", plan).work, Commit)


def test_a_promotion_skips_gates_but_not_the_last_interval() -> None:
    plan = make_plan(Step(5, MINUTE), Step(100, MINUTE, Gate(GateKind.PAUSE)))
    state = play("start prepared shifted promote", plan)
    assert isinstance(state.work, Shift)
    state = play("shifted", plan, state)
    assert isinstance(state.work, Watch)
    assert isinstance(play("healthy", plan, state).work, Commit)
    paused = play("pause resume healthy", plan, state)
    assert paused.phase is Phase.PAUSED  # a pause takes the haste back


def test_the_lease_may_run_out_only_so_often() -> None:
    state = situation("watching")
    for _ in range(3):
        state = play("lease_lost shifted", state=state)
        assert state.phase is Phase.PROGRESSING
    after = play("lease_lost", state=state)
    assert isinstance(after.work, Restore)
    assert "4 times" in after.reason


def test_without_data_the_plan_may_ask_for_a_rollback() -> None:
    plan = make_plan(on_no_data=OnNoData.ROLLBACK)
    state = play("start prepared shifted inconclusive", plan)
    assert (state.phase, state.condemned) == (Phase.ROLLING_BACK, False)


def test_without_a_delay_the_old_version_goes_at_once() -> None:
    plan = make_plan(Step(100, MINUTE), delay=timedelta(0))
    assert isinstance(play("start prepared shifted healthy committed", plan).work, RemoveOld)


def test_a_revert_ends_like_a_rollback_and_never_removes_the_old_version() -> None:
    state = play("revert restored removed", state=situation("old version warm"))
    assert state.phase is Phase.ROLLED_BACK
    assert state.weight == 0
    assert state.reason == "reverted by ann"


def test_the_alarm_clock_may_ring_twice() -> None:
    once = play("wake", state=situation("old version warm"))
    assert advance(PLAN, once, e.TimeReached(at=AT + 60 * MINUTE)).ignored


def test_a_resource_that_was_removed_twice_counts_once() -> None:
    state = play("retry removed", state=situation("cleanup incomplete"))
    assert len(state.removed) == 3
    assert state.left == ()


@pytest.mark.parametrize(
    ("where", "asked", "skipped"),
    [
        ("watching", "promote", (0, 1)),
        ("second shift", "promote", (1,)),
        ("awaiting approval", "promote", ()),
        ("paused without traffic", "promote", (0, 1)),
        ("watching 100 %", "promote", ()),
        ("awaiting approval", "approve", ()),
    ],
)
def test_what_a_promotion_passes_by_is_remembered_as_skipped(
    where: str, asked: str, skipped: tuple[int, ...]
) -> None:
    assert play(asked, state=situation(where)).skipped == skipped
    promoted = play(f"{asked} shifted healthy committed wake removed", state=situation(where))
    assert (promoted.phase, promoted.skipped) == (Phase.SUCCEEDED, skipped)
