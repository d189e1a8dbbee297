"""What only a server can do: be away, refuse, come back."""

import asyncio
import contextlib

import pytest
import sqlalchemy as sa
from tests.support.history import NOW, entry, fill, look, rollout
from tests.support.postgres import PASSWORD, Server, on_postgres

from chimera.core.errors import LedgerError, RolloutConflict
from chimera.core.state import Phase
from chimera.store import open_store

pytestmark = on_postgres


async def refuse(url: str | sa.URL) -> LedgerError:
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    with pytest.raises(LedgerError) as caught:
        await open_store(text).open()
    assert "wrong-s3cret" not in f"{caught.value!r} {caught.value.hint}"
    assert PASSWORD not in f"{caught.value!r} {caught.value.hint}"
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_wrong_password(server: Server) -> None:
    error = await refuse(server.url(password="wrong-s3cret"))
    assert "password authentication failed" in str(error)
    assert "password in the ledger's URL" in error.hint


async def test_a_database_that_does_not_exist(server: Server) -> None:
    error = await refuse(server.url("nowhere"))
    assert "nowhere" in str(error)
    assert "create the role and the database" in error.hint


async def test_a_server_that_is_not_there(server: Server, unused_tcp_port: int) -> None:
    by_socket = server.url().update_query_dict({"host": "/tmp/no-such-folder"})
    by_port = sa.URL.create(
        "postgresql", "chimera", PASSWORD, "127.0.0.1", unused_tcp_port, "chimera"
    )
    for url in (by_socket, by_port):
        assert "PostgreSQL runs" in (await refuse(url)).hint


async def test_any_usual_name_of_the_driver_will_do(postgres_url: str) -> None:
    for name in ("postgres", "postgresql"):
        async with open_store(postgres_url.replace("postgresql+psycopg", name)) as store:
            assert "***" in store.location
            assert PASSWORD not in store.location


async def test_a_server_that_goes_away_and_comes_back(server: Server, postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await fill(store)
        await asyncio.to_thread(server.stop)
        try:
            writes = [store.append_look("r1", look(4 + number)) for number in range(5)]
            for result in await asyncio.gather(*writes, return_exceptions=True):
                assert isinstance(result, LedgerError), result
                assert "PostgreSQL runs" in result.hint
            with pytest.raises(LedgerError):
                await store.get("r1")
        finally:
            await asyncio.to_thread(server.start)
        await store.append_look("r1", look(4))
        assert len(await store.looks("r1")) == 5
        assert (await store.verify()).ok


async def test_rows_that_somebody_holds(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chimera.store.database.BUSY_MS", 50)
    engine = sa.create_engine(postgres_url)
    async with open_store(postgres_url) as store:
        await store.open_rollout(rollout(), NOW)
        with engine.begin() as holder:
            holder.exec_driver_sql("SELECT * FROM rollouts FOR UPDATE")
            with pytest.raises(LedgerError, match="lock timeout") as caught:
                await store.append("r1", (entry(1),))
            assert "try again" in caught.value.hint
        await store.append("r1", (entry(1),))
    engine.dispose()


async def test_many_openings_and_endings_at_once_do_not_deadlock(postgres_url: str) -> None:
    async with open_store(postgres_url) as one, open_store(postgres_url) as other:
        for name in ("a", "b", "c", "d"):
            await one.open_rollout(rollout(name, service=name), NOW)
            await one.append(name, (entry(1),))

        async def end(name: str) -> None:
            await one.append(name, (entry(2, Phase.ABORTED),))

        async def begin(name: str) -> None:
            while True:
                with contextlib.suppress(RolloutConflict):
                    return await other.open_rollout(rollout(f"{name}2", service=name), NOW)

        names = ("a", "b", "c", "d")
        await asyncio.wait_for(
            asyncio.gather(*map(begin, names), *map(end, reversed(names))), timeout=20
        )
        assert {row.id for row in await one.find(live=True)} == {"a2", "b2", "c2", "d2"}
        assert (await one.verify()).ok
