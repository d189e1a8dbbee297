"""The data folder of a demo is deleted only where nothing is left; else it is said how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from chimera.app.lock import hold_controller_lock
from chimera.app.operations import Chimera, open_chimera
from chimera.app.reports import Sweep
from chimera.app.settings import Settings
from chimera.core.model import Resource
from chimera.core.spec import Spec
from chimera.demo import leaving as room
from chimera.demo.leaving import Leaving
from chimera.demo.place import ThisMachine, spec_text
from chimera.platforms.local.spawn import free_port

ENVOY = Resource("envoy", "4711", "logo")


class Stuck(ThisMachine):
    """A place whose service cannot be removed, or not all of it."""

    def __init__(self, found: Sweep | Exception) -> None:
        super().__init__()
        self._found = found

    async def clear(self, app: Chimera, spec: Spec) -> Sweep:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


async def left(home: Path, place: ThisMachine) -> Leaving:
    """End a demo in which nothing was deployed."""
    ending = Leaving(Settings(home), place)
    async with open_chimera(ending.settings) as app:
        await ending.clear(app, app.parse_spec(spec_text(free_port())))
    await ending.close()
    return ending


async def test_where_nothing_was_deployed_nothing_is_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ending = await left(home, ThisMachine())
    assert ending.clean
    assert not home.exists()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Sweep((ENVOY,), left=(ENVOY,)), "1 left behind: envoy"),
        (OSError("no answer"), "Not cleaned up: the service could not be removed: no answer."),
        (TimeoutError(), "Not cleaned up: the service could not be removed within 3 min."),
    ],
)
async def test_what_is_left_is_said_and_can_be_removed_later(
    tmp_path: Path, found: Sweep | Exception, said: str
) -> None:
    home = tmp_path / "home"
    ending = await left(home, Stuck(found))
    assert not ending.clean
    assert (home / "ledger.db").exists()
    what, how = ending.remains()
    assert what.startswith(said)
    assert f"CHIMERA_HOME={home} chimera down logo --controller --yes && rm -r {home}" in how


async def test_a_controller_that_cannot_be_told_keeps_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with hold_controller_lock(home):
        ending = await left(home, ThisMachine())
    assert ending.problems == ["a controller still starts"]
    assert home.exists()


async def test_what_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CLEAR_WITHIN", room.CLEAR_WITHIN * 0)
    ending = await left(tmp_path / "home", ThisMachine())
    assert not ending.clean
