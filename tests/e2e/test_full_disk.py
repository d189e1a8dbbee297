"""No room for the ledger during a rollout: it holds, can be taken back, and catches up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.load import Load, burst

from chimera.core.state import Phase


def can_mount() -> bool:
    """Whether this user may mount a file system, in a namespace of its own."""
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return (
            os.geteuid() == 0
            and not subprocess.run(trial, capture_output=True, check=False).returncode
        )
    except OSError:
        return False


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast: Path) -> None:
    """Leave no byte free."""
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


# Not a skip: where nothing can be mounted, tests/store and tests/engine say the same in parts.
if can_mount():

    async def test_a_full_disk_stops_the_steps_but_not_the_way_back(house: House) -> None:
        house.write_spec(steps=[{"setWeight": 20, "bake": "8s"}, {"setWeight": 50, "bake": "2s"}])
        with small_disk(house.folder / "disk") as disk:
            house.env["CHIMERA_DATABASE_URL"] = f"sqlite:///{disk}/ledger.db"
            await house.install("1")
            async with house.up(), Load(house.port, rate=60) as load:
                rollout = await house.deploy("2")
                await house.bakes(20)
                fill(disk / "ballast")
                looked = len(load.tally.latencies_ms)
                await eventually(lambda: len(load.tally.latencies_ms) > looked + 500, within_s=60)
                status = await house.run("status", rollout)
                assert "20 %" in status.out  # no new step, although its bake is over
                assert load.tally.revisions["2"] > 0
                await house.run("abort", rollout, "--yes", "--reason", "no room")
                sent = load.tally.revisions["1"]
                await eventually(lambda: load.tally.revisions["1"] > sent + 60, within_s=60)
                assert (await burst(house.port, 200)).revisions == {"1": 200}
                assert house.replicas() == ["1", "2"]  # what is to be removed waits for the ledger
                (disk / "ballast").unlink()
                view = await house.until(lambda view: view.state.over)
            assert "ledger.unavailable" in house.said
            assert "database or disk is full" in house.said
            assert view.state.phase is Phase.ABORTED
            assert load.tally.failures == []
            assert house.replicas() == ["1"]
            assert {line.weight for line in await house.lines()} == {0, 20}
            await house.run("audit", "verify")
