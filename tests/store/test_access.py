"""People, documents, counters and the audit trail: on SQLite and on PostgreSQL, over processes."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chimera.core.access import Role
from chimera.store import Store, chain, open_store
from chimera.store.access_tables import TRAIL
from chimera.store.documents import Document
from chimera.store.people import SessionRow, TokenRow, UserRow
from chimera.store.trail import TrailRow

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA = UserRow("ada", "hash", {"*": Role.ADMIN}, NOW)


def entry(action: str) -> TrailRow:
    return TrailRow(0, NOW, "ada", action, "shop", "203.0.113.9", "done", "")


async def test_an_account_is_kept_as_it_is(store: Store) -> None:
    people = store.people
    assert await people.add_user(ADA)
    assert not await people.add_user(ADA)
    assert await people.user("ada") == UserRow(
        "ada", "hash", {"*": Role.ADMIN}, NOW, provider_grants={}
    )
    assert await people.set_grants("ada", {"shop": Role.VIEWER})
    assert await people.set_grants("ada", {"*": Role.VIEWER}, of_provider=True)
    assert not await people.set_grants("nobody", {})
    found = await people.user("ada")
    assert found is not None
    assert (found.grants, found.provider_grants) == ({"shop": Role.VIEWER}, {"*": Role.VIEWER})
    assert await people.user("nobody") is None
    assert await people.user_of("issuer 4711") is None


async def test_an_identity_has_one_account(store: Store) -> None:
    grace = UserRow("grace", "", {}, NOW, provider="issuer 4711")
    assert await store.people.add_user(grace)
    found = await store.people.user_of("issuer 4711")
    assert found is not None
    assert found.name == "grace"
    with pytest.raises(Exception, match="failed while writing"):
        await store.people.add_user(UserRow("other", "", {}, NOW, provider="issuer 4711"))


async def test_an_account_is_changed_as_a_whole(store: Store) -> None:
    people = store.people
    await people.add_user(ADA)
    assert await people.change_user("ada")
    assert not await people.change_user("nobody", disabled=False)
    for change in ({"disabled": True}, {"password_hash": "new"}):
        await people.add_session(SessionRow("a", "ada", "here", NOW, NOW, NOW + HOUR))
        assert await people.change_user("ada", grants={"shop": Role.VIEWER}, **change)
        assert await people.sessions("ada") == ()
    assert await people.user("ada") == UserRow(
        "ada", "new", {"shop": Role.VIEWER}, NOW, provider_grants={}, disabled=True
    )


async def test_sessions_end_one_by_one_and_with_their_account(store: Store) -> None:
    people = store.people
    await people.add_user(ADA)
    for name in ("a", "b", "c"):
        await people.add_session(SessionRow(name, "ada", "here", NOW, NOW, NOW + HOUR))
    found = await people.session("a")
    assert found is not None
    assert (found[0].user, found[1].name) == ("ada", "ada")
    await people.see_session("a", NOW + HOUR / 2)
    assert {one.seen_at for one in await people.sessions("ada")} == {NOW, NOW + HOUR / 2}
    assert await people.end_session("a")
    assert not await people.end_session("a")
    assert await people.end_sessions("ada", but="b") == 1
    await people.change_user("ada", disabled=True)
    assert await people.sessions("ada") == ()


async def test_a_new_session_sweeps_those_that_are_over(store: Store) -> None:
    await store.people.add_user(ADA)
    await store.people.add_session(SessionRow("old", "ada", "", NOW, NOW, NOW + HOUR))
    later = NOW + 2 * HOUR
    await store.people.add_session(SessionRow("new", "ada", "", later, later, later + HOUR))
    assert [one.hash for one in await store.people.sessions("ada")] == ["new"]


async def test_a_token_is_revoked_once(store: Store) -> None:
    await store.people.add_user(ADA)
    token = TokenRow("id", "hash", "ada", "ci", {"shop": Role.OPERATOR}, NOW, NOW + HOUR)
    await store.people.add_token(token)
    found = await store.people.token("id")
    assert found is not None
    assert found[0] == token
    await store.people.see_token("id", NOW)
    assert await store.people.revoke_token("id")
    assert not await store.people.revoke_token("id")
    (seen,) = await store.people.tokens("ada")
    assert (seen.revoked, seen.used_at) == (True, NOW)


async def test_a_document_lives_until_it_expires(store: Store) -> None:
    documents, now = store.documents, datetime.now(UTC)
    await documents.put(Document("draft", "1", "a", "ada", now + HOUR))
    await documents.put(Document("draft", "1", "b", "ada", now + HOUR))
    await documents.put(Document("draft", "2", "over", "ada", now - HOUR))
    await documents.put(Document("other", "1", "c"))
    found = await documents.get("draft", "1")
    assert found is not None
    assert (found.body, found.owner) == ("b", "ada")
    assert await documents.get("draft", "2") is None
    assert await documents.take("draft", "2") is None
    assert [one.body for one in await documents.find("draft", owner="ada")] == ["b"]
    assert await documents.find("draft", owner="ben") == ()
    assert await documents.delete("draft", "1")
    assert not await documents.delete("draft", "1")


async def replicas(stack: AsyncExitStack, url: str) -> list[Store]:
    return [await stack.enter_async_context(open_store(url)) for _ in range(2)]


async def test_of_many_who_claim_or_take_one_gets_it(url: str) -> None:
    async with AsyncExitStack() as stack:
        both = [one.documents for one in await replicas(stack, url)]
        ends = datetime.now(UTC) + HOUR
        claims = (both[n % 2].claim(Document("key", "k", str(n), "", ends)) for n in range(12))
        assert sorted(await asyncio.gather(*claims)) == [False] * 11 + [True]
        takes = (both[n % 2].take("key", "k") for n in range(12))
        assert sum(found is not None for found in await asyncio.gather(*takes)) == 1
        assert await both[0].claim(Document("key", "k", "again", "", ends))


async def test_what_expired_can_be_claimed_again(store: Store) -> None:
    now = datetime.now(UTC)
    await store.documents.put(Document("key", "k", "old", "", now - HOUR))
    assert await store.documents.claim(Document("key", "k", "new", "", now + HOUR))


async def test_counts_are_exact_over_processes(url: str) -> None:
    async with AsyncExitStack() as stack:
        both = [one.counters for one in await replicas(stack, url)]
        windows = {"a": HOUR, "b": HOUR / 2}
        counts = await asyncio.gather(*(both[n % 2].add(windows) for n in range(20)))
        for key, length in windows.items():
            assert sorted(one[key].count for one in counts) == list(range(1, 21))
            assert all(timedelta(0) < one[key].left <= length for one in counts)
        await both[0].clear("a")
        found = await both[1].add(windows)
        assert (found["a"].count, found["b"].count) == (1, 21)


async def test_a_window_begins_with_the_first_and_ends(store: Store) -> None:
    instant = timedelta(microseconds=1)
    assert (await store.counters.add({"a": instant}))["a"].count == 1
    assert (await store.counters.add({"a": HOUR}))["a"].count == 1
    assert (await store.counters.add({"a": HOUR}))["a"].count == 2


TAMPER = {
    "edited": "UPDATE trail SET who = 'eve' WHERE n = 3",
    "deleted": "DELETE FROM trail WHERE n = 3",
    "truncated": "DELETE FROM trail WHERE n > 3",
    "inserted": "INSERT INTO trail SELECT 6, at, who, action, target, source, outcome, detail, "
    "hash, hash FROM trail WHERE n = 5",
}


async def tamper(store: Store, statement: str) -> None:
    engine = sa.create_engine(store._database.url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize("problem", TAMPER)
async def test_the_trail_is_proved_and_what_was_done_to_it_is_named(
    store: Store, problem: str
) -> None:
    for n in range(5):
        await store.trail.append(entry(f"deed {n}"))
    sound = await store.verify()
    assert (sound.ok, sound.rows) == (True, 5)
    await tamper(store, TAMPER[problem])
    found = await store.verify()
    assert (found.ok, found.table, found.problem) == (False, "trail", problem)


@pytest.mark.parametrize("column", ["at", "who", "action", "target", "source", "outcome", "detail"])
async def test_no_column_of_the_trail_is_edited_unnoticed(store: Store, column: str) -> None:
    for n in range(2):
        await store.trail.append(entry(f"deed {n}"))
    await tamper(store, f"UPDATE trail SET {column} = 'x' WHERE n = 1")
    assert (await store.verify()).problem == "edited"


async def test_entries_of_many_processes_make_one_chain(url: str) -> None:
    async with AsyncExitStack() as stack:
        both = [one.trail for one in await replicas(stack, url)]
        await asyncio.gather(*(both[n % 2].append(entry(str(n))) for n in range(20)))
        seen = await both[0].entries(limit=15)
        assert [one.n for one in seen] == list(range(20, 5, -1))
        assert [one.n for one in await both[1].entries(before=6)] == [5, 4, 3, 2, 1]
        store = await stack.enter_async_context(open_store(url))
        assert (await store.verify()).ok


async def test_the_trail_s_columns_are_all_in_its_hash(store: Store) -> None:
    assert {column.name for column in TRAIL.c} == {*chain.TRAIL, "n", "prev_hash", "hash"}
