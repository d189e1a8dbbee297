import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.history import NOW, entry, look, rollout

from chimera.core.errors import LedgerError, RolloutNotFound
from chimera.core.state import Phase
from chimera.store import Store, open_store


@pytest.fixture
async def many(store: Store) -> Store:
    """Five rollouts: two services, the first of each still going on last."""
    for number, (name, service) in enumerate(
        [("aa1", "logo"), ("aa2", "logo"), ("ab1", "other"), ("ab2", "other"), ("Ab3", "logo")]
    ):
        await store.open_rollout(rollout(name, service=service), NOW + timedelta(hours=number))
        if name not in {"ab2", "Ab3"}:
            phase = Phase.SUCCEEDED if name == "aa1" else Phase.ABORTED
            await store.append(name, (entry(1), entry(2, phase)))
    await store.append("ab2", (entry(1, Phase.PAUSED),))
    return store


async def ids(store: Store, **what: object) -> list[str]:
    return [row.id for row in await store.find(**what)]  # type: ignore[arg-type]


async def test_rollouts_are_listed_the_last_opened_first(many: Store) -> None:
    assert await ids(many) == ["Ab3", "ab2", "ab1", "aa2", "aa1"]


async def test_rollouts_are_chosen_by_what_is_asked(many: Store) -> None:
    assert await ids(many, service="logo") == ["Ab3", "aa2", "aa1"]
    assert await ids(many, live=True) == ["Ab3", "ab2"]
    assert await ids(many, live=False, service="other") == ["ab1"]
    assert await ids(many, phase=Phase.ABORTED) == ["ab1", "aa2"]
    assert await ids(many, phase=(Phase.SUCCEEDED, Phase.PAUSED)) == ["ab2", "aa1"]
    assert await ids(many, service="unknown") == []


async def test_pages_follow_each_other(many: Store) -> None:
    assert await ids(many, limit=2) == ["Ab3", "ab2"]
    assert await ids(many, limit=2, before="ab2") == ["ab1", "aa2"]
    assert await ids(many, limit=2, before="aa2") == ["aa1"]


async def test_a_service_has_its_live_rollout(many: Store) -> None:
    live = await many.live("other")
    assert live is not None
    assert (live.id, live.phase, live.service) == ("ab2", Phase.PAUSED, "other")
    assert await many.live("unknown") is None
    assert await many.services() == ("logo", "other")


async def test_a_unique_beginning_is_enough(many: Store) -> None:
    for given, found in (("aa1", "aa1"), ("A", "Ab3"), ("ab2", "ab2")):
        assert (await many.get(given)).id == found
        assert await many.events(given) == await many.events(found)


async def test_what_is_not_there_is_not_found(many: Store) -> None:
    for given in ("", "zz", "%", "a_1", "aa11", "\0", "\ud800", "' OR 1=1 --"):
        for asked in (many.get(given), many.events(given), many.looks(given)):
            with pytest.raises(RolloutNotFound):
                await asked


async def test_an_ambiguous_beginning_lists_what_it_could_mean(many: Store) -> None:
    with pytest.raises(RolloutNotFound, match="several") as caught:
        await many.get("aa")
    assert "aa1, aa2" in caught.value.hint


async def test_an_id_wins_over_a_longer_one_that_begins_so(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    await store.open_rollout(rollout("r10", service="other"), NOW)
    assert (await store.get("r1")).id == "r1"


async def test_a_row_that_cannot_be_understood_is_an_error_with_a_next_step(
    sqlite_url: str,
) -> None:
    async with open_store(sqlite_url) as store:
        await store.open_rollout(rollout(), NOW)
        await store.append("r1", (entry(1),))
        with closing(sqlite3.connect(store.location)) as connection, connection:
            connection.execute('UPDATE events SET event = \'{"kind": "from the future"}\'')
        with pytest.raises(LedgerError, match="stored event") as caught:
            await store.events("r1")
        assert "audit verify" in caught.value.hint


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (replace(look(0), generation=2**70), "too large"),
        (replace(look(0), look=replace(look(0).look, at=NOW.replace(tzinfo=None))), "time zone"),
        (replace(look(0), look=replace(look(0).look, gap="\ud800")), "cannot be written"),
    ],
)
async def test_a_look_that_cannot_be_stored_is_refused(
    store: Store, what: object, message: str
) -> None:
    await store.open_rollout(rollout(), NOW)
    with pytest.raises(LedgerError, match=message):
        await store.append_look("r1", what)  # type: ignore[arg-type]
    assert await store.looks("r1") == ()


async def test_the_first_looks_of_each_step_are_found_by_halving(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    lengths = (7, 1, 0, 12, 3)
    steps = [step for step, length in enumerate(lengths) for _ in range(length)]
    for number, step in enumerate(steps):
        await store.append_look("r1", replace(look(number), step=step))

    async def found(*steps: int, each: int = 5) -> list[int]:
        looks = await store.bare_looks("r1", steps, each)
        return [round((one.at - NOW).total_seconds()) for one in looks]

    assert await found(0, 1, 2, 3, 4) == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 20, 21, 22]
    assert await found(3) == [8, 9, 10, 11, 12]
    assert await found(2, 5) == []
    assert await found(4, each=1) == [20]
    await store.prune(NOW + timedelta(seconds=3))
    assert await found(0, 1) == [3, 4, 5, 6, 7]


async def test_no_looks_are_none(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    assert await store.bare_looks("r1", (0, 1), 5) == ()
