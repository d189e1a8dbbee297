# ruff: noqa: E501
"""Every event in every situation is one plain sentence; the main ones are read here by people."""

import pytest
from tests.support.rollouts import AT, MINUTE, MOVES, PLAN, ROLLOUT, SITUATIONS, situation

from chimera.core.banner import clause, users_met
from chimera.core.explain import ending, explain, headline
from chimera.core.exposure import Exposure
from chimera.core.model import Judgement, Verdict
from chimera.core.rollout import advance

EVENTS = """
pending | start | Started: v2 takes over from v1 in 3 steps (5, 50, 100 %), at least 3 min
preparing | prepared | Canary v2 is ready beside v1; no user traffic yet; 5 % come next
preparing | failed | Rolling back: local: start: exit code 1; Last line: no module
preparing | deadline | Rolling back: no progress within 10 min while preparing
preparing | start | Ignored a second start: the rollout is preparing already
preparing | pause | Pause asked by ann (lunch): will pause when the canary is ready, before it gets any traffic
preparing, pause wanted | prepared | Canary v2 is ready beside v1; no user traffic yet; paused by ann: lunch
first shift | shifted | Canary v2 gets 5 % of the traffic, read back; it is watched for 1 min
first shift | healthy | Ignored 'judged': it does not answer the shift under way
watching | healthy | Healthy at 5 %: errors 0.1 % against 0.1 % on stable (limit 1 %), 1 of 900 requests in 1 min; next 50 %
watching | unhealthy | Rolling back from 5 %: errors 9.8 % against 0.1 % on stable (limit 1 %), 41 of 420 requests
watching | inconclusive | Paused at 5 %, not enough is known: no canary requests in 2 min
watching | lease lost | No controller renewed the lease on 5 %: all traffic went back to v1 by itself; going to 5 % again
watching | foreign | Paused: somebody else changed the routes: expected 95 % on v1 and 5 % on v2, found 70 % on v1 and 30 % on v2; nothing is overwritten
watching | abort | Abort asked by ann (it looks odd): aborted: all traffic returns to stable
watching | early | Ignored an alarm: the rollout is progressing and nothing was due
second shift | healthy | Ignored 'judged': it does not answer the shift under way
paused by a person | healthy | Still paused at 5 %, healthy: errors 0.1 % against 0.1 % on stable (limit 1 %), 1 of 900 requests in 1 min
awaiting approval | approve | Approve asked by bob: approved: on to 100 %
awaiting approval | resume | Resume refused, asked by ann: waiting for an approval: use `chimera approve`
last shift | shifted | Canary v2 gets 100 % of the traffic, read back; it must stay healthy for 1 min before it is promoted
watching 100 % | healthy | Healthy at 100 %: errors 0.1 % against 0.1 % on stable (limit 1 %), 1 of 900 requests in 1 min; it is promoted now
committing | committed | Promoted: v2 is the stable version now; v1 stays warm for 5 min
old version warm | wake | The old version v1 was kept warm for 5 min; it is removed now
removing the old version | removed | Promoted: all traffic is on v2; users sent the canary 4,000 requests in 2 min, none failed; 3 of 3 resources removed, nothing left behind
restoring | failed | All traffic should return to v1 but did not (local: start: exit code 1; Last line: no module); tried again at 12:00:02 UTC
restoring | restored | All traffic is on v1, read back; users met 41 failed requests in 6 s; v2 is being removed
restore failed | wake | Trying again to return all traffic to v1
removing the canary | left | Cleanup incomplete: 2 of 3 resources removed, left behind: process 13; tried again at 12:00:02 UTC (it does not end)
removing the canary | failed | The cleanup did not work (local: start: exit code 1; Last line: no module); tried again at 12:00:02 UTC
removing the canary | removed | Rolled back: errors 9.8 % against 0.1 % on stable (limit 1 %), 41 of 420 requests; users met 41 failed requests in 6 s; 3 of 3 resources removed, nothing left behind
cleanup incomplete | wake | Trying the cleanup again, attempt 2
"""
HEADLINES = """
pending | Waiting to start v2 beside v1
preparing | Starting v2; all traffic is on v1, the first 5 % follow when it is ready
second shift | Shifting v2 from 5 % to 50 %, step 2 of 3
watching | Watching v2 at 5 % for 1 min, step 1 of 3; no verdict yet; next 50 %
paused by a person | Paused at 5 %: paused by ann: lunch; `chimera resume` goes on, `chimera abort` returns all traffic to v1
foreign edit | Paused: somebody else changed the routes: expected 95 % on v1 and 5 % on v2, found 70 % on v1 and 30 % on v2; `chimera resume` sets 5 % again, `chimera abort` returns all traffic to v1
awaiting approval | Holding at 50 %: waiting for the approval of role operator; `chimera approve` leads to 100 %, `chimera abort` returns all traffic to v1
committing | Promoting v2: 100 % was healthy, now it becomes the stable version
old version warm | Promoted: all traffic is on v2; v1 stays warm until 12:08:00 UTC, `chimera revert` returns to it
removing the old version | Promoted: all traffic is on v2; v1 is being drained and removed
restoring | Rolling back: errors 9.8 % against 0.1 % on stable (limit 1 %), 41 of 420 requests; all traffic returns to v1 now
cleanup given up | Cleanup incomplete: rolled back: errors 9.8 % against 0.1 % on stable (limit 1 %), 41 of 420 requests; users met 41 failed requests in 6 s; 2 of 3 resources removed, left behind: process 13; `chimera retry` tries again (it does not end)
aborted | Aborted by ann: it looks odd; users met 41 failed requests in 6 s; 3 of 3 resources removed, nothing left behind
"""


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()]


def assert_one_sentence(text: str) -> None:
    assert text == text.strip()
    assert len(text) > 10
    assert text[0].isupper()
    assert "\n" not in text
    assert not text.endswith((".", ";", ":", ",", " "))
    assert ". " not in text
    assert "  " not in text
    assert "None" not in text
    assert "()" not in text


@pytest.mark.parametrize("where", SITUATIONS)
@pytest.mark.parametrize("event", MOVES)
def test_every_event_in_every_situation_is_one_sentence(where: str, event: str) -> None:
    before = situation(where)
    happened = MOVES[event](before)
    after = advance(PLAN, before, happened)
    sentence = explain(ROLLOUT, before, happened, after)
    assert_one_sentence(sentence)
    assert explain(ROLLOUT, before, happened, after.state) == sentence
    assert_one_sentence(headline(ROLLOUT, after.state))
    assert ending(ROLLOUT, after.state)


@pytest.mark.parametrize("row", rows(EVENTS), ids=lambda row: f"{row[0]}: {row[1]}")
def test_events(row: list[str]) -> None:
    where, event, expected = row
    before = situation(where)
    happened = MOVES[event](before)
    assert explain(ROLLOUT, before, happened, advance(PLAN, before, happened)) == expected


@pytest.mark.parametrize("row", rows(HEADLINES), ids=lambda row: row[0])
def test_headlines(row: list[str]) -> None:
    assert headline(ROLLOUT, situation(row[0])) == row[1]


def test_the_last_look_shows_in_the_headline_with_what_is_missing() -> None:
    latest = Judgement(AT, Verdict.INCONCLUSIVE, "errors 0 %", needs="59 more requests")
    assert headline(ROLLOUT, situation("watching"), latest) == (
        "Watching v2 at 5 % for 1 min, step 1 of 3; "
        "inconclusive: errors 0 % (59 more requests needed); next 50 %"
    )


def test_a_rollout_that_is_not_over_has_no_ending_yet() -> None:
    assert ending(ROLLOUT, situation("watching")) == "not over yet: progressing"


@pytest.mark.parametrize(
    ("exposure", "sentence"),
    [
        (Exposure(), "the canary never had traffic"),
        (Exposure(0, 0, 3 * MINUTE), "no request reached the canary in 3 min"),
        (Exposure(1, 0, MINUTE), "users sent the canary 1 request in 1 min, none failed"),
        (Exposure(1, 1, MINUTE), "users met 1 failed request in 1 min"),
        (Exposure(9000, 4100, MINUTE), "users met 4,100 failed requests in 1 min"),
        (
            Exposure(0, 0, MINUTE, "envoy: read metrics: it is down."),
            "how many requests users met in 1 min is not known: envoy: read metrics: it is down",
        ),
        (
            Exposure(0, 0, unknown="no answer"),
            "how many requests users met is not known: no answer",
        ),
        (
            Exposure(40, 0, MINUTE, "no answer"),
            "users sent the canary at least 40 requests in 1 min, none of those failed; "
            "there may have been more: no answer",
        ),
        (
            Exposure(40, 3, MINUTE, "no answer"),
            "users met at least 3 failed requests in 1 min; there may have been more: no answer",
        ),
        (
            Exposure(40, 1, MINUTE, cut=2, drained=MINUTE / 2),
            "users met 1 failed request in 1 min; "
            "2 requests were still in flight after 30 s and were cut",
        ),
    ],
)
def test_what_users_met(exposure: Exposure, sentence: str) -> None:
    assert users_met(exposure) == sentence


def test_foreign_text_fits_into_a_sentence() -> None:
    assert clause("  It broke.\n\tSee the log.  ") == "It broke; See the log"
