"""Passwords, links, sessions and tokens: who gets in, for how long, and what ends it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.access import PASSWORD, TEST, access_at, access_with_users
from tests.support.eventually import eventually

from chimera.app.access import Access, open_access
from chimera.app.access.sessions import CACHED_S
from chimera.core.access import Role
from chimera.core.errors import NotAllowed, NotSignedIn, SpecError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = "127.0.0.1"


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with access_with_users(tmp_path) as opened:
        yield opened


def change(home: Path, statement: str, *values: object) -> None:
    """Change the database behind the store's back: what time or another process would do."""
    with closing(sqlite3.connect(home / "ledger.db")) as connection, connection:
        connection.execute(statement, values)


def text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


async def session_of(access: Access, name: str) -> str:
    code = await access.sessions.make_link(name, valid=HOUR, by=TEST)
    return await access.sessions.sign_in_by_link(code, source=HERE)


async def who(access: Access, secret: str) -> str:
    found = await access.sessions.find(secret)
    return found.principal.name if found else ""


async def test_a_password_signs_in_and_only_its_hash_is_kept(
    access: Access, tmp_path: Path
) -> None:
    await access.users.set_password("ada", PASSWORD, by=TEST)
    secret = await access.sessions.sign_in("ada", PASSWORD, source=HERE)
    assert await who(access, secret) == "ada"
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        (kept,) = connection.execute("SELECT password_hash FROM users WHERE name='ada'").fetchone()
        dump = "\n".join(connection.iterdump())
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in dump
    assert secret not in dump


@pytest.mark.parametrize("name", ["ada", "otto", "no-such-user", ""])
async def test_whatever_is_wrong_sounds_the_same(access: Access, name: str) -> None:
    with pytest.raises(NotSignedIn) as caught:
        await access.sessions.sign_in(name, "", source=HERE)
    assert str(caught.value) == "the name or the password is wrong"


async def test_a_disabled_user_s_password_is_wrong(access: Access) -> None:
    await access.users.set_password("otto", PASSWORD, by=TEST)
    await access.users.set_disabled("otto", disabled=True, by=TEST)
    with pytest.raises(NotSignedIn, match="the name or the password is wrong"):
        await access.sessions.sign_in("otto", PASSWORD, source=HERE)


async def test_passwords_are_hashed_beside_the_event_loop(access: Access) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await access.users.set_password("ada", PASSWORD, by=TEST)
    ticking.cancel()
    assert ticks > 100


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1001])
async def test_a_bad_password_is_refused(access: Access, password: str) -> None:
    with pytest.raises(SpecError, match="at least 12 characters"):
        await access.users.set_password("ada", password, by=TEST)


async def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(
    access: Access,
) -> None:
    await access.users.set_password("ada", PASSWORD, by=TEST)
    mine, other = await session_of(access, "ada"), await session_of(access, "ada")
    kept = await access.sessions.find(mine)
    assert kept is not None
    change_ = access.users.change_password
    with pytest.raises(NotAllowed, match="old password is wrong"):
        await change_("ada", "wrong", "another long one", by=TEST, keep=kept.id)
    await change_("ada", PASSWORD, "another long one", by=TEST, keep=kept.id)
    assert (await who(access, mine), await who(access, other)) == ("ada", "")


async def test_a_link_expires(access: Access) -> None:
    code = await access.sessions.make_link("ada", valid=timedelta(microseconds=1), by=TEST)
    with pytest.raises(NotSignedIn, match="used or has expired"):
        await access.sessions.sign_in_by_link(code, source=HERE)


async def test_of_many_who_open_a_link_at_once_one_gets_in(access: Access) -> None:
    code = await access.sessions.make_link("ada", valid=HOUR, by=TEST)
    tries = (access.sessions.sign_in_by_link(code, source=HERE) for _ in range(8))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, str) for one in found) == 1


async def test_the_owner_of_the_data_folder_becomes_admin_by_the_first_link(
    tmp_path: Path,
) -> None:
    async with open_access(access_at(tmp_path)) as access:
        for _ in range(2):
            code = await access.owner_link("root")
            secret = await access.sessions.sign_in_by_link(code, source=HERE)
            found = await access.sessions.find(secret)
            assert found is not None
            assert found.principal.may(Role.ADMIN)
        assert [user.name for user in await access.users.all()] == ["root"]


async def test_a_session_ends_when_nobody_uses_it(access: Access, tmp_path: Path) -> None:
    secret = await session_of(access, "ada")
    ago = text(datetime.now(UTC) - timedelta(hours=11))
    change(tmp_path, "UPDATE sessions SET seen_at = ?", ago)
    assert await who(access, secret) == "ada"  # and this use is noted
    access.forget()
    (row,) = read(tmp_path, "SELECT seen_at FROM sessions")
    assert str(row) > ago
    change(tmp_path, "UPDATE sessions SET seen_at = ?", text(datetime.now(UTC) - 13 * HOUR))
    assert await who(access, secret) == ""
    assert read(tmp_path, "SELECT count(*) FROM sessions") == (0,)


def read(home: Path, query: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(home / "ledger.db")) as connection:
        found: tuple[object, ...] = connection.execute(query).fetchone()
        return found


async def test_a_session_ends_in_any_case(access: Access, tmp_path: Path) -> None:
    secret = await session_of(access, "ada")
    change(tmp_path, "UPDATE sessions SET expires_at = ?", text(datetime.now(UTC)))
    assert await who(access, secret) == ""


async def test_what_one_replica_ends_the_other_forgets_within_seconds(tmp_path: Path) -> None:
    settings = access_at(tmp_path)
    async with access_with_users(settings) as one, open_access(settings) as two:
        secret = await session_of(one, "otto")
        token, view = await one.tokens.create(
            "otto", "ci", {"*": Role.OPERATOR}, valid=DAY, by=TEST
        )
        assert await who(two, secret) == "otto"
        assert (await two.tokens.find(token, source=HERE)).may(Role.OPERATOR)
        await one.sessions.end(secret)
        await one.tokens.revoke(view.id, by=TEST)
        assert await who(one, secret) == ""

        async def forgotten() -> bool:
            try:
                await two.tokens.find(token, source=HERE)
            except NotSignedIn:
                return await who(two, secret) == ""
            return False

        await eventually(forgotten, within_s=CACHED_S * 5, every_s=0.1)


async def test_a_role_that_is_taken_away_is_gone_from_sessions_and_tokens(access: Access) -> None:
    secret = await session_of(access, "otto")
    token, _ = await access.tokens.create("otto", "ci", {"*": Role.OPERATOR}, valid=DAY, by=TEST)
    assert await who(access, secret) == "otto"
    await access.users.grant("otto", {"shop": Role.VIEWER}, by=TEST)
    session = await access.sessions.find(secret)
    assert session is not None
    for found in (session.principal, await access.tokens.find(token, source=HERE)):
        assert not found.may(Role.OPERATOR)
        assert not found.may(Role.OPERATOR, "shop")
        assert found.may(Role.VIEWER, "shop")


TOKENS = [
    "",
    "chm_",
    "chm__",
    "chm_{id}_",
    "chm_{id}_wrong",
    "chm_{id}_{secret}x",
    "chm_{id}{secret}",
    "CHM_{id}_{secret}",
    "{id}_{secret}",
    "chm_000000000000_{secret}",
    "chm_{id}_\N{SNOWMAN}",
    "chm_\0_{secret}",
    "chm_' OR 1=1 --_{secret}",
]


@pytest.mark.parametrize("text_", TOKENS)
async def test_a_token_that_is_not_quite_right_is_refused(access: Access, text_: str) -> None:
    token, view = await access.tokens.create("ada", "ci", {"*": Role.ADMIN}, valid=DAY, by=TEST)
    secret = token.removeprefix(f"chm_{view.id}_")
    assert len(secret) == 48
    with pytest.raises(NotSignedIn, match="unknown, revoked or expired"):
        await access.tokens.find(text_.format(id=view.id, secret=secret), source=HERE)
    found = await access.tokens.find(token, source=HERE)
    assert (found.name, found.account) == ("token ci of ada", "ada")


async def test_a_token_expires_and_falls_with_its_owner(access: Access, tmp_path: Path) -> None:
    token, _ = await access.tokens.create("otto", "a", {"*": Role.VIEWER}, valid=DAY, by=TEST)
    for broken, mended in (
        ("UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z'", "2999"),
        ("UPDATE users SET disabled = 1 WHERE name = 'otto'", "0"),
    ):
        access.forget()
        assert (await access.tokens.find(token, source=HERE)).may(Role.VIEWER)
        change(tmp_path, broken)
        access.forget()
        with pytest.raises(NotSignedIn):
            await access.tokens.find(token, source=HERE)
        if mended == "2999":
            change(tmp_path, "UPDATE tokens SET expires_at = '2999-01-01T00:00:00.000000Z'")


@pytest.mark.parametrize(
    ("name", "grants", "days"),
    [
        ("olga", {"*": Role.VIEWER}, 1),
        ("olga", {"shop": Role.ADMIN}, 1),
        ("olga", {"pay": Role.VIEWER}, 1),
        ("victor", {"shop": Role.OPERATOR}, 1),
        ("nobody", {"shop": Role.VIEWER}, 1),
        ("ada", {}, 1),
        ("ada", {"*": Role.ADMIN}, 0),
        ("ada", {"*": Role.ADMIN}, 367),
    ],
)
async def test_a_token_is_never_more_than_its_owner(
    access: Access, name: str, grants: dict[str, Role], days: int
) -> None:
    with pytest.raises((NotAllowed, SpecError)):
        await access.tokens.create(name, "ci", grants, valid=days * DAY, by=TEST)
    assert await access.tokens.all() == []


async def test_only_its_owner_or_an_admin_revokes_a_token(access: Access) -> None:
    _, view = await access.tokens.create("otto", "ci", {"*": Role.VIEWER}, valid=DAY, by=TEST)
    with pytest.raises(SpecError, match="no token"):
        await access.tokens.revoke(view.id, by=TEST, of="olga")
    await access.tokens.revoke(view.id, by=TEST, of="otto")
    assert (await access.tokens.all("otto"))[0].revoked


async def test_every_deed_is_in_the_trail_with_its_outcome(access: Access) -> None:
    with pytest.raises(NotSignedIn):
        await access.sessions.sign_in_by_link("wrong", source="203.0.113.9")
    secret = await session_of(access, "otto")
    await access.sessions.sign_out(secret, source=HERE)
    done = [(one.who, one.action, one.source, one.outcome) for one in await access.audit.entries()]
    assert done[:4] == [
        ("otto", "sign-out", HERE, "done"),
        ("otto", "sign-in", HERE, "done"),
        ("test", "link.make", "cli", "done"),
        ("", "sign-in", "203.0.113.9", "refused"),
    ]
