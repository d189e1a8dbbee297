"""What Prometheus scrapes: parsed by its own parser, true to the ledger, hostile names and all."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families
from tests.support.history import NOW, look, rollout
from tests.support.served import Served

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(one: Served) -> Samples:
    async with one.client("victor") as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        found = text_string_to_metric_families(answer.text)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in found
            for sample in family.samples
        }


def value(samples: Samples, metric: str, **labels: str) -> float:
    """Return the only sample of a metric that has these labels."""
    found = [
        number
        for (name, has), number in samples.items()
        if name == metric and labels.items() <= dict(has).items()
    ]
    assert len(found) == 1, (metric, labels, found)
    return found[0]


async def test_the_numbers_are_those_of_the_ledger(one: Served) -> None:
    samples = await scrape(one)
    view = await one.chimera.status("logo")
    looks = await one.chimera.looks("logo")
    live = {"service": "logo", "rollout": view.rollout.id}
    assert value(samples, "chimera_rollout_phase", phase="progressing", **live) == 1
    assert value(samples, "chimera_rollout_phase", phase="paused", **live) == 0
    assert value(samples, "chimera_rollout_weight_ratio", **live) == view.state.weight / 100
    assert value(samples, "chimera_rollout_looks_total", **live) == looks[-1].number
    assert value(samples, "chimera_rollout_look_lateness_seconds", **live) > 1_000
    assert value(samples, "chimera_rollouts_ended_total", service="logo", phase="succeeded") == 1
    assert value(samples, "chimera_rollout_unattended", **live) == 1
    assert value(samples, "chimera_controller_up") == 0
    errors = next(one for one in looks[-1].judgement.findings if one.metric == "error_rate")
    measured = value(samples, "chimera_check_value", check="error_rate", arm="canary", **live)
    assert measured == errors.canary
    assert value(samples, "chimera_check_limit", check="error_rate", kind="max", **live) == 0.01
    assert value(samples, "chimera_check_limit", check="latency_p95", **live) == 0.3


async def test_requests_are_counted_by_route_not_by_address(one: Served) -> None:
    async with one.client("victor") as client:
        for ref in ("logo", "none", "x" * 100):
            await client.get(f"/api/v1/rollouts/{ref}")
        await client.get("/api/v1/no-such-path")
        await client.request("BREW", "/api/v1/me")
    samples = await scrape(one)
    route = "/api/v1/rollouts/{ref}"
    assert value(samples, "chimera_http_requests_total", route=route, status="200") == 1
    assert value(samples, "chimera_http_requests_total", route=route, status="404") == 2
    assert value(samples, "chimera_http_request_duration_seconds_count", route=route) == 3
    assert {dict(has)["method"] for name, has in samples if "requests_total" in name} <= {
        "GET",
        "(other)",
    }


async def test_names_cannot_forge_a_metric(one: Served) -> None:
    store, hostile = one.chimera._store, 'x"} 1\nchimera_forged{a="b\\'
    await store.open_rollout(rollout("r1", service="evil"), NOW)
    record = look(0)
    findings = tuple(replace(one, metric=hostile) for one in record.judgement.findings)
    judgement = replace(record.judgement, findings=findings)
    await store.append_look("r1", replace(record, judgement=judgement))
    samples = await scrape(one)
    assert "chimera_forged" not in {name for name, _ in samples}
    assert value(samples, "chimera_check_limit", service="evil", check=hostile) == 0.01
