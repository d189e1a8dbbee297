"""Platforms are found by name, and imported only when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chimera.core.errors import UnknownAdapter
from chimera.platforms import catalog
from chimera.platforms.memory import MemoryInventory


def test_every_platform_has_a_name_and_documented_options(tmp_path: Path) -> None:
    platforms = catalog.Catalog(MemoryInventory(), str(tmp_path))
    models = catalog.option_models()
    assert tuple(sorted(models)) == catalog.names()
    for name, model in models.items():
        platform = platforms.get(name)
        assert platform.name == name
        assert platform.options is model
        assert platforms.get(name) is platform
        assert model.model_config["extra"] == "forbid"
        assert all(field.description for field in model.model_fields.values())
    assert set(platforms.loaded()) == set(models)


def test_an_unknown_platform_is_told_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownAdapter, match="unknown platform 'lokal'") as caught:
        catalog.Catalog(MemoryInventory(), str(tmp_path)).get("lokal")
    assert "local, memory" in caught.value.hint


async def test_all_start_and_close_and_a_second_start_is_refused_whole(tmp_path: Path) -> None:
    first, second = (catalog.Catalog(MemoryInventory(), str(tmp_path)) for _ in range(2))
    await first.start()
    with pytest.raises(Exception, match="another controller"):
        await second.start()
    await first.close()
    await second.start()
    await second.close()


def test_looking_up_options_imports_no_heavy_package() -> None:
    check = (
        "import sys; from chimera.platforms import catalog; catalog.option_models();"
        "sys.exit(str([m for m in ('grpc', 'httpx', 'sqlalchemy') if m in sys.modules] or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""
