"""Queries to a real Prometheus, and every answer that is no number."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.eventually import eventually
from tests.support.prometheus import answering, program, scraping

from chimera.core.errors import ProviderRefused, ProviderUnavailable, UnknownAdapter
from chimera.platforms.catalog import Catalog
from chimera.platforms.memory import MemoryInventory
from chimera.platforms.prometheus.provider import MAX_BYTES, Prometheus
from chimera.ports.queries import Answered

ODD = 'v"2\\\n'
SHOWN = r"""# TYPE declined_total counter
declined_total{version="v1",pod="a"} 3
declined_total{version="v1",pod="b"} 4
declined_total{version="v\"2\\\n",pod="c"} 5
odd NaN
"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes `SHOWN`."""
    with (
        answering(lambda _path, _query: (200, SHOWN)) as target,
        scraping(target, tmp_path_factory.mktemp("prometheus")) as url,
    ):
        yield url


@pytest.fixture
async def prometheus(real: str) -> AsyncIterator[Prometheus]:
    provider = Prometheus(real)
    yield provider
    await provider.close()
    await provider.close()


@pytest.mark.skipif(program() is None, reason="prometheus is not installed (Debian: prometheus)")
@pytest.mark.xdist_group("prometheus")
class TestReal:
    async def test_each_series_is_answered_with_its_labels(self, prometheus: Prometheus) -> None:
        async def there() -> bool:
            return len(await prometheus.ask("declined_total", now())) == 3

        await eventually(there, within_s=90)
        found = await prometheus.ask('sum by (pod) (declined_total{version="v1"})', now())
        assert {one.labels["pod"]: one.value for one in found} == {"a": 3.0, "b": 4.0}
        assert await prometheus.ask("scalar(vector(7))", now()) == (Answered({}, 7.0),)
        assert await prometheus.ask("nothing", now()) == ()
        assert await prometheus.ask("odd", now()) == ()

    async def test_a_value_cannot_leave_its_quotes(self, prometheus: Prometheus) -> None:
        query = f'declined_total{{version="{prometheus.quote(ODD)}"}}'

        async def there() -> bool:
            return [one.value for one in await prometheus.ask(query, now())] == [5.0]

        await eventually(there, within_s=90)

    async def test_a_plain_series_tells_when_it_was_measured(self, prometheus: Prometheus) -> None:
        series = 'declined_total{version="v1",pod="a"}'

        async def there() -> bool:
            return await prometheus.measured(series, now()) is not None

        await eventually(there, within_s=90)
        moment = now()
        first = await prometheus.measured(series, moment)
        assert first is not None
        assert first <= moment
        assert await prometheus.measured(series, moment) == first

        async def newer() -> bool:
            found = await prometheus.measured(series, now())
            return found is not None and found > first

        await eventually(newer, within_s=90)
        assert await prometheus.measured("nothing", now()) is None

    async def test_a_moment_that_is_past_is_answered_as_it_was(
        self, prometheus: Prometheus
    ) -> None:
        assert await prometheus.ask("declined_total", now() - timedelta(days=1)) == ()

    @pytest.mark.parametrize("wrong", ["sum(", "declined_total[5m]", '"text"'])
    async def test_a_wrong_query_is_refused_with_its_reason(
        self, prometheus: Prometheus, wrong: str
    ) -> None:
        with pytest.raises(ProviderRefused, match=r"parse error|numbers of this moment"):
            await prometheus.ask(wrong, now())


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, "starting", ProviderUnavailable),
        (429, "{}", ProviderUnavailable),
        (200, "no json", ProviderUnavailable),
        (200, "[]", ProviderUnavailable),
        (200, '{"status": "success", "data": {"resultType": "vector", "result": [3]}}',
         ProviderUnavailable),
        (401, "who are you", ProviderRefused),
        (400, '{"status": "error", "error": "parse error"}', ProviderRefused),
        (302, "", ProviderUnavailable),
        (200, " " * (MAX_BYTES + 1), ProviderRefused),
        (200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {}, "value": [1, "2"]}] * 1001}}), ProviderRefused),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_an_error(
    status: int, body: str, error: type[Exception]
) -> None:
    with answering(lambda _path, _query: (status, body)) as url:
        provider = Prometheus(url)
        with pytest.raises(error):
            await provider.ask("up", now())
        await provider.close()


async def test_nobody_there_is_unavailable() -> None:
    with answering(lambda _path, _query: (200, "")) as url:
        pass
    provider = Prometheus(url)
    with pytest.raises(ProviderUnavailable):
        await provider.ask("up", now())
    await provider.close()


async def test_without_an_address_it_says_what_to_set() -> None:
    with pytest.raises(ProviderRefused, match="CHIMERA_PROMETHEUS_URL"):
        await Prometheus().ask("up", now())


async def test_the_catalog_makes_it_once_and_knows_no_other(tmp_path: Path) -> None:
    catalog = Catalog(MemoryInventory(), str(tmp_path), {"CHIMERA_PROMETHEUS_URL": "http://x"})
    assert catalog.provider("prometheus") is catalog.provider("prometheus")
    with pytest.raises(UnknownAdapter) as unknown:
        catalog.provider("oracle")
    assert unknown.value.hint == "known: prometheus"
    await catalog.close()
