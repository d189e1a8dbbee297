"""Rollouts over HTTP: listed in pages, looked at in full, started and steered."""

from dataclasses import replace

import httpx
import pytest
from tests.support.access import browser_of
from tests.support.scripted import Script, record
from tests.support.served import Served
from tests.support.stories import SPEC, Story, make_rollout, promoted, rolled_back

from chimera.app.masking import adapter
from chimera.app.reports import Answer, PlanReport, Replay, Report, RolloutView
from chimera.core.errors import EngineError, ProviderDenied, ProviderUnavailable, RolloutConflict
from chimera.core.model import Revision

PLAN = PlanReport(make_rollout(), (), ("a note",))


@pytest.fixture
def script() -> Script:
    story = promoted()
    view = RolloutView(story.rollout, story.state, story.opened_at, story.opened_at, "")
    return Script(plan=PLAN, frames=[(view, [], [])])


async def test_the_list_comes_in_pages_the_newest_first(one: Served) -> None:
    async with one.client("victor") as client:
        whole = (await client.get("/api/v1/rollouts")).json()
        assert len(whole["items"]) == 3
        assert whole["next"] is None
        ids, before = [], ""
        for _ in range(3):
            page = (
                await client.get("/api/v1/rollouts", params={"limit": 1, "before": before})
            ).json()
            ids += [item["rollout"]["id"] for item in page["items"]]
            before = page["next"]
        assert ids == [item["rollout"]["id"] for item in whole["items"]]
        assert before is None


async def test_the_list_is_narrowed_by_what_is_asked(one: Served) -> None:
    async with one.client("victor") as client:

        async def phases(**params: object) -> list[str]:
            found = await client.get("/api/v1/rollouts", params=params)  # type: ignore[arg-type]
            return [item["state"]["phase"] for item in found.json()["items"]]

        assert await phases(live=True) == ["progressing"]
        assert await phases(phase=["rolled_back", "succeeded"]) == ["rolled_back", "succeeded"]
        assert await phases(service="unknown") == []


async def test_a_role_on_one_service_shows_that_one_alone(one: Served) -> None:
    async with one.client("olga") as client:
        assert (await client.get("/api/v1/rollouts")).json()["items"] == []
        assert (await client.get("/api/v1/services")).json() == []
        assert (await client.get("/api/v1/rollouts/logo")).status_code == 403
        started = await client.post("/api/v1/rollouts", json={"spec": SPEC, "version": "9"})
        assert started.status_code == 403
        planned = await client.post("/api/v1/plans", json={"service": "logo", "version": "9"})
        assert planned.status_code == 403


async def test_answers_are_the_reports_that_the_command_line_writes(one: Served) -> None:
    async with one.client("victor") as client:
        view = adapter(RolloutView).validate_json(
            (await client.get("/api/v1/rollouts/logo")).content
        )
        assert view == await one.chimera.status("logo")
        ref = f"/api/v1/rollouts/{view.rollout.id}"
        lines = (await client.get(f"{ref}/events", params={"after": 1})).json()
        assert [line["seq"] for line in lines] == list(range(2, len(lines) + 2))
        looks = (await client.get(f"{ref}/looks", params={"limit": 2})).json()
        assert [one["number"] for one in looks["items"]] == [1, 2]
        assert looks["next"] == 2
        report = adapter(Report).validate_json((await client.get(f"{ref}/report")).content)
        assert report.rollout == view
        assert len(report.lines) == len(lines) + 1
        replay = await client.post(f"{ref}/replay")
        assert not adapter(Replay).validate_json(replay.content).differs


async def test_values_of_the_environment_are_masked_and_come_back_with_a_spec(one: Served) -> None:
    env = {"API_TOKEN": "hunter2"}
    secret = SPEC.replace('{port}"}', '{port}", env: {API_TOKEN: hunter2}}').replace("logo", "safe")
    rollout = make_rollout("safe-1")
    rollout = type(rollout)(
        id="safe-1",
        service=type(rollout.service)("safe", "local", {"env": env}),
        stable=rollout.stable,
        canary=Revision("2", settings={"env": env}),
        plan=rollout.plan,
        spec=secret,
    )
    await record(one.chimera._store, Story(rollout))
    async with one.client() as client:
        for path in ("rollouts/safe-1", "rollouts/safe-1/report", "rollouts", "services"):
            answer = await client.get(f"/api/v1/{path}")
            assert "hunter2" not in answer.text, path
        masked = (await client.get("/api/v1/rollouts/safe-1")).json()["rollout"]["spec"]
    assert "***" in masked
    spec = await one.chimera.read_spec(masked)
    assert spec.target.options.env == env  # type: ignore[attr-defined]


async def test_a_rollout_is_started_and_says_where_it_is(one: Served, script: Script) -> None:
    async with one.client("otto") as client:
        made = await client.post("/api/v1/rollouts", json={"spec": SPEC, "version": "2"})
        assert made.status_code == 201
        assert made.headers["location"] == f"/api/v1/rollouts/{made.json()['rollout']['id']}"
    assert script.asked[-1] == ("deploy", "logo", "2", "", "token test of otto")


async def test_a_plan_can_be_sent_back_as_it_came(one: Served, script: Script) -> None:
    async with one.client("otto") as client:
        plan = await client.post("/api/v1/plans", json={"spec": SPEC, "version": "2"})
        assert adapter(PlanReport).validate_json(plan.content) == PLAN
        again = {"spec": SPEC, "version": "2", "plan": plan.json()}
        assert (await client.post("/api/v1/rollouts", json=again)).status_code == 201


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort", "revert", "approve"])
async def test_a_rollout_is_steered_in_the_name_of_who_asks(
    one: Served, script: Script, verb: str
) -> None:
    async with one.client("otto") as client:
        answer = await client.post(f"/api/v1/rollouts/logo/{verb}", json={"reason": "lunch"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, True)
    name, ref, by, *_, reason = script.asked[-1]
    assert (name, by, reason) == (verb, "token test of otto", "lunch")
    assert ref.startswith("logo-")


async def test_what_its_state_does_not_allow_is_a_conflict(one: Served, script: Script) -> None:
    script.answer = Answer("too late to abort", accepted=False)
    async with one.client("otto") as client:
        refused = await client.post("/api/v1/rollouts/logo/abort")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:chimera:problem:refused"
    assert refused.json()["detail"] == "too late to abort"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (RolloutConflict("held", rollout="logo-1", hint="abort it"), 409, "conflict"),
        (EngineError("gone", hint="start it"), 503, "engine"),
        (ProviderDenied("aws", "deploy", "no", hint="allow it"), 424, "provider-denied"),
        (ProviderUnavailable("aws", "deploy", "later", hint="wait"), 503, "provider-unavailable"),
        (ValueError("/secret/place"), 500, "internal"),
    ],
)
async def test_every_error_is_a_typed_problem_that_says_what_to_do(
    one: Served, script: Script, error: Exception, status: int, name: str
) -> None:
    script.failure = error
    async with one.client("otto") as client:
        answer = await client.post("/api/v1/rollouts", json={"spec": SPEC, "version": "2"})
    said = problem(answer, status)
    assert said["type"] in {f"urn:chimera:problem:{name}", "about:blank"}
    assert said["hint"]
    assert "/secret/place" not in answer.text


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    """Return the problem document that an answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, object] = answer.json()
    assert said["status"] == status
    assert {"type", "title", "detail"} <= said.keys()
    return said


async def test_what_cannot_be_read_is_a_problem_too(one: Served) -> None:
    async with one.client() as client:
        problem(await client.get("/api/v1/nothing"), 404)
        problem(await client.put("/api/v1/me"), 405)
        problem(await client.get("/api/v1/rollouts/none"), 404)
        problem(await client.get("/api/v1/rollouts", params={"before": "none"}), 404)
        problem(await client.get("/api/v1/rollouts", params={"limit": "x"}), 422)
        problem(await client.post("/api/v1/rollouts", content=b"{"), 422)
        problem(await client.post("/api/v1/rollouts", json={"spec": "a: b", "version": "1"}), 422)
        problem(await client.post("/api/v1/rollouts", content=b"x" * 1_100_000), 413)
        invalid = problem(
            await client.post("/api/v1/users", json={"name": "x", "pass": "s3cret"}), 422
        )
        assert "s3cret" not in str(invalid)
    async with one.client("") as client:
        problem(await client.get("/api/v1/me"), 401)
    async with one.client("victor") as client:
        problem(await client.post("/api/v1/rollouts/logo/abort"), 403)


async def test_a_retry_returns_to_no_target_that_the_service_has_left(
    one: Served, script: Script
) -> None:
    for id_, target in (("shop-1", "port: 8080"), ("shop-2", "port: 9090")):
        story = rolled_back()
        story.rollout = replace(
            story.rollout,
            id=id_,
            service=replace(story.rollout.service, name="shop"),
            spec=SPEC.replace("service: logo", "service: shop").replace("port: 8080", target),
        )
        await record(one.chimera._store, story)
    async with one.client("olga") as client, browser_of(one.app, one.access, "olga") as page:
        assert (await client.post("/api/v1/rollouts/shop-2/retry")).status_code == 200
        refused = await client.post("/api/v1/rollouts/shop-1/retry")
        assert (refused.status_code, "target" in refused.json()["detail"]) == (403, True)
        await page.get("/")
        assert (await page.post("/rollouts/shop-1/do/retry")).status_code == 403
    async with one.client("ada") as client:
        assert (await client.post("/api/v1/rollouts/shop-1/retry")).status_code == 200
    assert [(verb, id_) for verb, id_, *_ in script.asked] == [
        ("retry", "shop-2"),
        ("retry", "shop-1"),
    ]
