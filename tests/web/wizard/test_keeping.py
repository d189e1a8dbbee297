"""Drafts at rest: encrypted, and nobody's but their owner's."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr
from tests.support.access import access_at, access_with_users

from chimera.web.wizard import keeping

VALUE = "canary-value-of-a-draft"
BASE = f"service: shop\ntarget: {{platform: local, env: {{TOKEN: {VALUE}}}}}\n"


async def test_a_draft_is_encrypted_and_its_owners_alone(tmp_path: Path) -> None:
    async with access_with_users(tmp_path) as access:
        begun = await keeping.begin(access, "ada")
        draft = begun.answered(service="shop", base=BASE)
        await keeping.keep(access, draft)
        assert await keeping.find(access, draft.id, "ada") == draft
        assert await keeping.find(access, draft.id, "otto") is None
        assert await keeping.find(access, "made-up", "ada") is None
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        kept = "\n".join(ledger.iterdump())
    assert draft.id in kept
    assert VALUE not in kept


async def test_a_draft_whose_key_is_gone_is_gone(tmp_path: Path) -> None:
    async with access_with_users(tmp_path) as access:
        draft = await keeping.begin(access, "ada")
    settings = access_at(tmp_path)
    other = replace(settings.access, secret_keys=(SecretStr("k" * 32),))
    async with access_with_users(replace(settings, signing_in=other)) as access:
        assert await keeping.find(access, draft.id, "ada") is None
