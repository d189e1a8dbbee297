"""The same key, the same request: carried out once, over any replica."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.scripted import Script
from tests.support.served import Served, served
from tests.support.stories import SPEC, promoted

from chimera.app.reports import RolloutView
from chimera.core.errors import EngineError, RolloutConflict

BODY = {"spec": SPEC, "version": "2"}


@pytest.fixture
def script() -> Script:
    story = promoted()
    view = RolloutView(story.rollout, story.state, story.opened_at, story.opened_at, "")
    return Script(frames=[(view, [], [])])


@pytest.fixture
async def replica(one: Served, home: Path, script: Script) -> AsyncIterator[Served]:
    async with served(home, script) as opened:
        yield opened


async def start(one: Served, key: str, name: str = "otto", **changes: str) -> tuple[int, str]:
    """Ask for a rollout under a key; return the status and the body, or a problem's type."""
    async with one.client(name) as client:
        answer = await client.post(
            "/api/v1/rollouts", json={**BODY, **changes}, headers={"idempotency-key": key}
        )
    return answer.status_code, answer.json().get("type", answer.text)


def deploys(script: Script) -> int:
    return sum(asked[0] == "deploy" for asked in script.asked)


async def test_a_repeat_gets_the_first_answer_and_starts_nothing(
    one: Served, replica: Served, script: Script
) -> None:
    first = await start(one, "k1")
    assert first[0] == 201
    assert await start(replica, "k1") == first
    assert deploys(script) == 1
    assert (await start(one, "k2"))[0] == 201
    assert deploys(script) == 2


async def test_another_body_or_path_under_the_same_key_is_refused(
    one: Served, script: Script
) -> None:
    await start(one, "k1")
    assert await start(one, "k1", version="3") == (422, "urn:chimera:problem:key-reused")
    async with one.client("otto") as client:
        other = await client.post("/api/v1/rollouts/logo/abort", headers={"idempotency-key": "k1"})
    assert other.status_code == 422
    assert len(script.asked) == 1


async def test_many_at_once_over_two_replicas_are_carried_out_once(
    one: Served, replica: Served, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = await asyncio.gather(
        *(start((one, replica)[number % 2], "k1") for number in range(20))
    )
    assert len(set(answers)) == 1
    assert deploys(script) == 1


async def test_keys_of_others_are_not_mine(one: Served, script: Script) -> None:
    await start(one, "k1", "otto")
    await start(one, "k1", "ada")
    assert deploys(script) == 2


async def test_a_refusal_is_kept_and_a_failure_can_be_tried_again(
    one: Served, script: Script
) -> None:
    script.failure = EngineError("the engine is away")
    assert (await start(one, "k1"))[0] == 503
    script.failure = RolloutConflict("held")
    assert (await start(one, "k1"))[0] == 409
    script.failure = None
    assert (await start(one, "k1"))[0] == 409
    script.failure = ValueError("a fault")
    assert (await start(one, "k2"))[0] == 500
    script.failure = None
    assert (await start(one, "k2"))[0] == 201


async def test_what_was_not_allowed_or_not_understood_claims_nothing(
    one: Served, script: Script
) -> None:
    assert (await start(one, "k1", "victor"))[0] == 403
    assert (await start(one, "k2", nonsense="x"))[0] == 422
    assert (await start(one, "k2"))[0] == 201
    assert (await start(one, "a key with blanks"))[0] == 422
    assert (await start(one, "k" * 201))[0] == 422


async def test_a_secret_is_never_kept_for_a_repeat(one: Served, home: Path) -> None:
    async with one.client() as client:

        async def make() -> tuple[int, str]:
            wanted = {"name": "ci", "roles": ["viewer"]}
            answer = await client.post(
                "/api/v1/tokens", json=wanted, headers={"idempotency-key": "k1"}
            )
            return answer.status_code, answer.json().get("secret", "")

        status, secret = await make()
        assert (status, bool(secret)) == (201, True)
        assert await make() == (409, "")
    with closing(sqlite3.connect(home / "ledger.db")) as ledger:
        assert secret.rpartition("_")[2] not in "".join(ledger.iterdump())


async def test_what_is_kept_of_a_request_says_nothing_of_its_password(
    one: Served, home: Path
) -> None:
    async with one.client() as client:
        for key in ("k1", "k2"):
            answer = await client.patch(
                "/api/v1/users/otto",
                json={"password": "correct horse battery"},
                headers={"idempotency-key": key},
            )
            assert answer.status_code == 200
    with closing(sqlite3.connect(home / "ledger.db")) as ledger:
        rows = ledger.execute("SELECT body FROM documents WHERE kind = 'idempotency'").fetchall()
    kept = [json.loads(body)["fingerprint"] for (body,) in rows]
    assert len(set(kept)) == 2, "whoever does not know the keys cannot try passwords on it"


async def test_the_engine_sees_the_same_request_again_as_the_same(
    one: Served, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    asked = one.chimera.request

    async def noting(*args: object, key: str = "", **options: object) -> object:
        seen.append(key)
        return await asked(*args, key=key, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(one.chimera, "request", noting)
    async with one.client("otto") as client:
        for key in ("k1", "k2", ""):
            headers = {"idempotency-key": key} if key else {}
            answer = await client.post("/api/v1/rollouts/logo/pause", headers=headers)
            assert answer.status_code == 200
    assert seen[0] != seen[1]
    assert seen[2] == ""
