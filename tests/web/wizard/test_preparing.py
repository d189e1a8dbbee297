"""The one-time setup on its pages: what it does, how it fails, what is left if it is cut off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.access import Browser
from tests.support.aws import CLUSTER, configured
from tests.support.eventually import eventually
from tests.support.served import Served

from chimera.app.cloud import Cloud
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import build
from chimera.web.wizard import setups
from chimera.web.wizard.setups import GONE, Job, Work

READY = "The cluster is ready"
FOLLOWS = "hx-get"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A practice range with a service in a mesh, whose cluster was never prepared."""
    with Sandbox(Options(speed=60)) as box:
        build(box.session(), kind="appmesh", service="logo", tasks=1)
        yield box


async def _begin(ada: Browser, cluster: str = "shop") -> str:
    await ada.get("/setup")
    begun = await ada.post("/setup", {"cluster": cluster})
    assert begun.status_code == 303
    return begun.headers["location"]


async def _over(ada: Browser, path: str) -> str:
    """Follow the page as a browser does, to its end; return its text."""

    async def ended() -> str:
        text = (await ada.get(path)).text
        return "" if FOLLOWS in text else text

    return await eventually(ended, within_s=60, every_s=0.05)


def _acting(monkeypatch: pytest.MonkeyPatch, does: Callable[..., Awaitable[object]]) -> None:
    monkeypatch.setattr(Cloud, "setup", does)


async def test_a_cluster_is_prepared_and_the_preparation_removed(
    box: Sandbox, ada: Browser
) -> None:
    with configured(box):
        asked = await ada.get(f"/setup?cluster={CLUSTER}")
        assert "create" in asked.text
        done = await _over(ada, await _begin(ada, CLUSTER))
        assert READY in done
        assert "stopped" not in done
        removed = await ada.post("/setup", {"cluster": CLUSTER, "remove": "yes"})
        assert "The setup was removed." in await _over(ada, removed.headers["location"])


async def test_what_nobody_foresaw_is_said_and_logged(
    ada: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    _acting(monkeypatch, breaks)
    text = await _over(ada, await _begin(ada))
    assert "something went wrong inside Chimera" in text
    assert READY not in text
    (line,) = [one for one in caplog.records if one.message == "setup.failed"]
    assert line.levelno == logging.ERROR
    assert line.exc_info


async def test_a_refusal_is_said_with_what_to_do_next(box: Sandbox, ada: Browser) -> None:
    with configured(box):
        text = await _over(ada, await _begin(ada, "no-such-cluster"))
        asked = await ada.get("/setup?cluster=no-such-cluster")
    assert "no-such-cluster" in text
    assert READY not in text
    assert asked.status_code == 422
    await ada.get("/setup")
    assert (await ada.post("/setup", {"cluster": " "})).status_code == 400
    assert (await ada.get("/setup/made-up")).status_code == 404


async def test_the_end_of_the_process_stops_it_and_its_page_says_so(
    site: Served, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def lasts(*_: object, **__: object) -> object:
        begun.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(setups, "DRAIN_S", 0.01)
    _acting(monkeypatch, lasts)
    path = await _begin(ada)
    await begun.wait()
    assert FOLLOWS in (await ada.get(path)).text
    await setups.close(site.app)
    text = await _over(ada, path)
    assert "Chimera was stopped in the middle of it" in text
    assert READY not in text


async def test_it_beats_and_without_a_beat_it_is_over(
    site: Served, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setups, "BEAT_S", 0.01)

    async def lasts(*_: object, **__: object) -> object:
        return await asyncio.Event().wait()

    _acting(monkeypatch, lasts)
    path = await _begin(ada)
    documents, key = site.access.documents, path.rpartition("/")[2]

    async def kept() -> Job:
        found = await documents.get(setups.KIND, key)
        assert found is not None
        return Job.model_validate_json(found.body)

    first = await kept()

    async def beats() -> bool:
        return (await kept()).beat_at > first.beat_at

    await eventually(beats)
    monkeypatch.setattr(setups, "DRAIN_S", 0.01)
    await setups.close(site.app)
    # As a process leaves it that was killed: under way, and no beat since.
    job = Job(cluster="shop", wanted=["create a role"], done=[])
    work = Work(documents, "killed", "ada", job)
    await work.keep()
    assert FOLLOWS in (await ada.get("/setup/killed")).text
    late = job.model_copy(update={"beat_at": datetime.now(UTC) - GONE - timedelta(seconds=1)})
    assert late.seen(datetime.now(UTC)).over
    found = await documents.get(setups.KIND, "killed")
    assert found is not None
    await documents.put(type(found)(found.kind, found.key, late.model_dump_json(), "ada"))
    text = (await ada.get("/setup/killed")).text
    assert "Chimera ended in the middle of it" in text
    assert FOLLOWS not in text
    assert READY not in text
