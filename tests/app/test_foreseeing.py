"""What a plan says of the traffic it will meet: watched, given, or assumed with the reason."""

from pathlib import Path

import pytest

from chimera.app import planning
from chimera.app.foreseeing import foresee
from chimera.app.reports import PlanReport
from chimera.core.analysis.outlook import Basis
from chimera.core.errors import ProviderUnavailable, SpecError
from chimera.core.model import Fence, Reading, Revision, Service
from chimera.core.spec import load
from chimera.platforms.memory import MemoryInventory, MemoryPlatform, MemoryTarget

SPEC = "version: 1\nservice: shop\ntarget: {platform: memory, rate: 100}\n"


async def planned(platform: MemoryPlatform, version: str) -> PlanReport:
    spec = load(SPEC, targets={"memory": MemoryTarget})
    return await planning.make_plan(platform, spec, version=version, image="")


async def serving(folder: Path) -> MemoryPlatform:
    platform = MemoryPlatform(MemoryInventory(), str(folder))
    await platform.start()
    first = (await planned(platform, "1")).rollout
    await platform.orchestrator.install(first.service, first.canary, Fence(first.id, 1))
    return platform


async def test_the_rate_of_the_running_version_is_watched(tmp_path: Path) -> None:
    platform = await serving(tmp_path)
    report = await foresee(platform, await planned(platform, "2"), rate=None)
    assert report.outlook is not None
    assert report.outlook.basis is Basis.MEASURED
    assert 50 < report.outlook.rate < 200


async def test_a_given_rate_is_believed(tmp_path: Path) -> None:
    platform = await serving(tmp_path)
    report = await foresee(platform, await planned(platform, "2"), rate=3.0)
    assert report.outlook is not None
    assert (report.outlook.basis, report.outlook.rate) == (Basis.GIVEN, 3.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
async def test_a_rate_that_makes_no_sense_is_refused(tmp_path: Path, rate: float) -> None:
    platform = await serving(tmp_path)
    with pytest.raises(SpecError, match="makes no sense"):
        await foresee(platform, await planned(platform, "2"), rate=rate)


async def test_a_first_version_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    platform = MemoryPlatform(MemoryInventory(), str(tmp_path))
    report = await planned(platform, "1")
    assert await foresee(platform, report, rate=None) is report


async def test_metrics_that_do_not_answer_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await serving(tmp_path)
    report = await planned(platform, "2")

    async def silent(_s: Service, _stable: Revision, _canary: Revision) -> Reading:
        raise ProviderUnavailable("memory", "read the metrics", "out of order")

    monkeypatch.setattr(platform.metrics, "read", silent)
    outlook = (await foresee(platform, report, rate=None)).outlook
    assert outlook is not None
    assert outlook.basis is Basis.ASSUMED
    assert "out of order" in outlook.why
