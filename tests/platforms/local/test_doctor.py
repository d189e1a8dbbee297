"""The doctor says where services cannot run, before anything is started there."""

import os
from pathlib import Path

import pytest

from chimera.platforms.local.platform import LocalPlatform
from chimera.platforms.memory import MemoryInventory
from chimera.ports.platform import Check


async def linux(folder: Path) -> Check:
    platform = LocalPlatform(MemoryInventory(), str(folder))
    return next(one for one in await platform.doctor() if one.name == "linux")


async def test_linux_will_do(folder: Path) -> None:
    assert (await linux(folder)).ok


async def test_a_system_without_pidfds_will_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    check = await linux(folder)
    assert not check.ok
    assert "run on Linux" in check.fix
