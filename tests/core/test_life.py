"""Every row of a rollout's life: in this situation, this happens, and that follows."""

import pytest
from tests.support.rollouts import MOVES, PLAN, SITUATIONS, play, situation

from chimera.core.state import State

STAYS = "stays"
# situation, event -> phase, effect wanted ("-" for none), weight confirmed
LIFE = """
pending                       | start        | preparing          | prepare       | 0
preparing                     | prepared     | progressing        | shift         | 0
preparing                     | failed       | rolling_back       | restore       | 0
preparing                     | deadline     | rolling_back       | restore       | 0
preparing                     | early        | stays
preparing                     | start        | stays
preparing, pause wanted       | prepared     | paused             | -             | 0
paused without traffic        | resume       | progressing        | shift         | 0
paused without traffic        | promote      | promoting          | shift         | 0
paused without traffic        | deadline     | stays
first shift                   | shifted      | progressing        | watch         | 5
first shift                   | foreign      | paused             | -             | 0
first shift                   | failed       | rolling_back       | restore       | 0
first shift                   | deadline     | rolling_back       | restore       | 0
first shift, pause wanted     | shifted      | paused             | watch         | 5
first shift, pause wanted     | foreign      | paused             | -             | 0
watching                      | healthy      | progressing        | shift         | 5
watching                      | unhealthy    | rolling_back       | restore       | 5
watching                      | inconclusive | paused             | watch         | 5
watching                      | lease lost   | progressing        | shift         | 0
watching                      | foreign      | paused             | -             | 5
watching                      | failed       | rolling_back       | restore       | 5
watching                      | deadline     | rolling_back       | restore       | 5
watching                      | early        | stays
second shift                  | shifted      | progressing        | watch         | 50
second shift                  | lease lost   | progressing        | shift         | 0
paused by a person            | healthy      | paused             | watch         | 5
paused by a person            | inconclusive | paused             | watch         | 5
paused by a person            | unhealthy    | rolling_back       | restore       | 5
paused by a person            | lease lost   | paused             | shift         | 0
paused by a person            | foreign      | paused             | -             | 5
paused by a person            | deadline     | stays
paused by a person            | resume       | progressing        | watch         | 5
paused for lack of data       | resume       | progressing        | watch         | 5
paused, lease lost            | shifted      | paused             | watch         | 5
paused, lease lost            | resume       | progressing        | shift         | 0
foreign edit                  | resume       | progressing        | shift         | 5
foreign edit                  | promote      | stays
foreign edit                  | abort        | rolling_back       | restore       | 5
awaiting approval             | approve      | promoting          | shift         | 50
awaiting approval             | healthy      | awaiting_approval  | watch         | 50
awaiting approval             | unhealthy    | rolling_back       | restore       | 50
awaiting approval             | lease lost   | awaiting_approval  | shift         | 0
awaiting approval             | foreign      | paused             | -             | 50
awaiting approval             | resume       | stays
awaiting approval             | promote      | promoting          | shift         | 50
awaiting approval, lease lost | shifted      | awaiting_approval  | watch         | 50
awaiting approval, lease lost | approve      | promoting          | shift         | 0
last shift                    | shifted      | promoting          | watch         | 100
watching 100 %                | healthy      | promoting          | commit        | 100
watching 100 %                | unhealthy    | rolling_back       | restore       | 100
watching 100 %                | inconclusive | paused             | watch         | 100
watching 100 %                | lease lost   | promoting          | shift         | 0
watching 100 %                | pause        | paused             | watch         | 100
paused at 100 %               | resume       | promoting          | watch         | 100
paused at 100 %               | promote      | promoting          | watch         | 100
committing                    | committed    | retiring           | -             | 100
committing                    | foreign      | paused             | -             | 100
committing                    | failed       | rolling_back       | restore       | 100
committing                    | abort        | rolling_back       | restore       | 100
committing                    | pause        | stays
committing                    | deadline     | rolling_back       | restore       | 100
old version warm              | wake         | retiring           | remove_old    | 100
old version warm              | early        | stays
old version warm              | promote      | retiring           | remove_old    | 100
old version warm              | revert       | rolling_back       | restore       | 100
old version warm              | abort        | stays
removing the old version      | removed      | succeeded          | -             | 100
removing the old version      | left         | cleanup_incomplete | -             | 100
removing the old version      | failed       | cleanup_incomplete | -             | 100
removing the old version      | revert       | stays
removing the old version      | abort        | stays
old version stuck             | wake         | cleanup_incomplete | remove_old    | 100
old version stuck             | retry        | cleanup_incomplete | remove_old    | 100
old version stuck             | revert       | stays
restoring                     | restored     | rolling_back       | remove_canary | 0
restoring                     | failed       | rolling_back       | -             | 5
restoring                     | abort        | stays
restore failed                | wake         | rolling_back       | restore       | 5
restore failed                | early        | stays
reverting                     | restored     | rolling_back       | remove_canary | 0
removing the canary           | removed      | rolled_back        | -             | 0
removing the canary           | left         | cleanup_incomplete | -             | 0
removing the canary           | failed       | cleanup_incomplete | -             | 0
cleanup incomplete            | wake         | cleanup_incomplete | remove_canary | 0
cleanup incomplete            | retry        | cleanup_incomplete | remove_canary | 0
cleanup again                 | removed      | rolled_back        | -             | 0
cleanup again                 | retry        | stays
cleanup given up              | retry        | cleanup_incomplete | remove_canary | 0
cleanup given up              | wake         | stays
succeeded                     | abort        | stays
rolled back                   | promote      | stays
aborted                       | resume       | stays
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in LIFE.strip().splitlines()]


def describe(state: State) -> list[str]:
    return [state.phase.value, state.work.kind if state.work else "-", str(state.weight)]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_life(row: list[str]) -> None:
    where, event, *expected = row
    before = situation(where)
    after = play(event.replace(" ", "_"), state=before)
    if expected == [STAYS]:
        assert after == before
    else:
        assert describe(after) == expected
        assert after.generation == before.generation + (after.work not in {before.work, None})


def test_the_table_starts_from_every_situation() -> None:
    assert {row[0] for row in ROWS} == set(SITUATIONS)
    assert {row[1] for row in ROWS} == set(MOVES)


def test_a_whole_life_needs_no_more_than_its_plan() -> None:
    good = "start prepared shifted healthy shifted healthy approve shifted healthy committed wake"
    state = play(f"{good} removed")
    assert state.phase.final
    assert state.exposure.requests == 4000
    assert state.over
    assert state.next_wake is None
    assert [str(resource) for resource in state.removed] == [
        "process 11",
        "process 12",
        "process 13",
    ]
    assert state.generation == 2 + 2 * len(PLAN.steps) + 2  # prepare, shifts, watches, hold, commit
