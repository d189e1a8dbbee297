"""Secrets at rest: what the database holds, which key opens it, and how keys change."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.access import access_at

from chimera.app.access import Access, open_access
from chimera.core.errors import ChimeraError, SecretsLocked

CANARY = "canary-7f3a9c-api-key"
OLD, NEW = SecretStr("old" * 12), SecretStr("new" * 12)


def at_rest(home: Path) -> bytes:
    files = [file for file in home.rglob("ledger.db*") if file.is_file()]
    return b"".join(file.read_bytes() for file in files)


def keys_in(home: Path) -> list[str]:
    return [file.name for file in home.glob("secret.key*")]


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with open_access(access_at(tmp_path)) as opened:
        yield opened


async def test_a_secret_comes_back_and_is_nowhere_in_the_database(
    access: Access, tmp_path: Path
) -> None:
    await access.vault.put("hook", SecretStr(CANARY), owner="ada")
    found = await access.vault.get("hook")
    assert found is not None
    assert found.get_secret_value() == CANARY
    assert CANARY not in repr(found)
    assert CANARY.encode() not in at_rest(tmp_path)
    assert await access.vault.names() == ("hook",)
    assert await access.vault.delete("hook")
    assert await access.vault.get("hook") is None


async def test_the_key_is_made_once_for_its_owner_alone(access: Access, tmp_path: Path) -> None:
    await access.vault.put("hook", SecretStr(CANARY))
    file = tmp_path / "secret.key"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    async with open_access(access_at(tmp_path)) as again:
        found = await again.vault.get("hook")
    assert found is not None
    assert file.read_bytes() == before


async def test_replicas_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    async with open_access(access_at(tmp_path)) as one, open_access(access_at(tmp_path)) as two:
        put = (one.vault.put("a", SecretStr("1")), two.vault.put("b", SecretStr("2")))
        await asyncio.gather(*put)
        assert await one.vault.get("b") == SecretStr("2")
        assert await two.vault.get("a") == SecretStr("1")
    assert keys_in(tmp_path) == ["secret.key"]


async def test_a_key_that_others_can_read_is_refused(access: Access, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("k" * 64)
    (tmp_path / "secret.key").chmod(0o644)
    with pytest.raises(ChimeraError, match="others can read") as caught:
        await access.vault.put("hook", SecretStr(CANARY))
    assert "chmod 600" in caught.value.hint


async def test_a_key_is_changed_without_entering_anything_again(tmp_path: Path) -> None:
    async with open_access(access_at(tmp_path, secret_keys=(OLD,))) as access:
        await access.vault.put("hook", SecretStr(CANARY))
        body = (await access.documents.find("secret"))[0].body
    async with open_access(access_at(tmp_path, secret_keys=(NEW, OLD))) as access:
        assert (await access.documents.find("secret"))[0].body != body
    async with open_access(access_at(tmp_path, secret_keys=(NEW,))) as access:
        assert await access.vault.get("hook") == SecretStr(CANARY)
    async with open_access(access_at(tmp_path, secret_keys=(OLD,))) as access:
        with pytest.raises(SecretsLocked, match="a key that is not here"):
            await access.vault.get("hook")


async def test_a_secret_in_another_s_place_or_changed_is_refused(
    access: Access, tmp_path: Path
) -> None:
    await access.vault.put("mine", SecretStr("harmless"))
    await access.vault.put("production", SecretStr(CANARY))
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        moved = "UPDATE documents SET body = (SELECT body FROM documents WHERE key='production')"
        database.execute(f"{moved} WHERE key='mine'")
    database.close()
    with pytest.raises(SecretsLocked, match="was changed") as caught:
        await access.vault.get("mine")
    assert CANARY not in str(caught.value)
