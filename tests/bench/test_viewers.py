"""The benchmark of the live page runs in its smallest form and reports what makes sense."""

from chimera.bench import catalog
from chimera.bench.report import Bench


async def test_viewers() -> None:
    report = await catalog.find("viewers").run(Bench(effort=0.001))
    figures = {figure.name: figure for figure in report.figures}
    assert figures["updates that came"].value == 100
    assert 0 < figures["share of one core"].value < 100
    assert 0 < figures["look to page, p50"].value < 30
