"""The pages about the API and its metrics say what is so."""

import json
import re
from pathlib import Path

from tests.support.served import Served

from chimera.api.reference import render

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_current() -> None:
    assert render() == (DOCS / "reference/api.md").read_text(encoding="utf-8"), (
        "python -m chimera.api.reference > docs/reference/api.md"
    )


async def test_the_dashboard_and_the_guide_name_metrics_that_exist(one: Served) -> None:
    async with one.client("victor") as client:
        text = (await client.get("/metrics")).text
    known = set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
    dashboard = (DOCS / "how-to/grafana/chimera.json").read_text(encoding="utf-8")
    assert json.loads(dashboard)["panels"]
    guide = (DOCS / "how-to/monitor-chimera.md").read_text(encoding="utf-8")
    for page in (dashboard, guide):
        named = {name.removesuffix("_bucket") for name in re.findall(r"\bchimera_[a-z_]+", page)}
        assert named <= known
    documented = set(re.findall(r"^\| `(chimera_[a-z_]+)`", guide, re.MULTILINE))
    assert documented == {name for name in known if not name.endswith("_created")}
