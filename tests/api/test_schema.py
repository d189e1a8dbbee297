"""The OpenAPI document is complete, and what is asked by it is answered as it says: never a 5xx."""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.scripted import Script
from tests.support.served import Served, served
from tests.support.stories import make_rollout, promoted

from chimera.app.reports import PlanReport, RolloutView

PREFIX = "/api/v1"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def running(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The application, served from a thread of its own; AWS is asked without credentials."""
    home = Path(shutil.copytree(told, tmp_path_factory.mktemp("schema") / "home"))
    story = promoted()
    view = RolloutView(story.rollout, story.state, story.opened_at, story.opened_at, "")
    script = Script(plan=PlanReport(make_rollout(), (), ()), frames=[(view, [], [])])
    many: dict[str, Any] = {"reads_per_minute": 10**6, "writes_per_minute": 10**6}
    many["body_timeout"] = timedelta(seconds=2)
    ready, done = threading.Event(), asyncio.Event()
    found: list[Served] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with served(home, script, **many) as one:
            found.append(one)
            ready.set()
            await done.wait()

    alone = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}
    before = {name: os.environ.get(name) for name in alone}
    os.environ.update(alone)
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(60)
    loop.close()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="module")
def schema(running: Served) -> Any:
    found = schemathesis.openapi.from_url(f"{running.url}{PREFIX}/openapi.json")
    # A stream that is answered does not end.
    return found.exclude(operation_id=["streamRollout", "streamHouse"])


@pytest.mark.parametrize(("who", "examples"), [("ada", 3), ("victor", 1)])
def test_whatever_is_asked_is_answered_as_the_document_says(
    schema: Any, running: Served, who: str, examples: int
) -> None:
    bearer = {"Authorization": f"Bearer {running.tokens[who]}"}
    wrong: dict[str, str] = {}

    def ask(case: Any) -> None:
        try:
            case.call_and_validate(headers=bearer, checks=CHECKS, timeout=30)
        except (schemathesis.errors.SchemathesisError, FailureGroup) as problem:
            said = "; ".join(map(str, getattr(problem, "exceptions", (problem,))))
            wrong.setdefault(case.operation.label, said[:1_500])

    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            cases = operation.as_strategy(generation_mode=mode)
            if not cases.is_empty:  # there may be nothing that would be wrong
                draw: Any = given
                test = draw(cases)(ask)
                bounded(test, examples)()
    assert wrong == {}


def bounded(test: Any, examples: int) -> Any:
    """Draw few examples, always the same ones."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(test)


async def test_every_operation_is_described_in_full(one: Served) -> None:
    async with one.client("") as client:
        document = (await client.get(f"{PREFIX}/openapi.json")).json()
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            assert operation["summary"], name
            assert operation["description"].endswith("."), name
            assert operation["tags"], name
            assert operation["security"] == [{"token": []}, {"session": []}], name
            assert operation["x-role"] in {"viewer", "operator", "admin"}, name
            assert operation["operationId"] not in seen, name
            seen.add(operation["operationId"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], name
            if method in {"post", "patch", "delete"} and "/check" not in path:
                names = {one["name"] for one in operation.get("parameters", ())}
                reads = path.endswith(("/plans", "/replay", "/doctor", "/facts"))
                assert reads or "idempotency-key" in names, name
    assert document["components"]["securitySchemes"].keys() == {"token", "session"}
    assert "urn:chimera:problem:conflict" in document["x-problems"]
