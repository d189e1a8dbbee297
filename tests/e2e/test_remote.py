"""The command line against a Chimera elsewhere: the real server, another data folder, a token."""

import json
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.access import TEST
from tests.support.eventually import eventually
from tests.support.house import Done, House, house
from tests.support.load import Load

from chimera.app.access import open_access
from chimera.app.lock import find_controller
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.state import Phase

GATED = [{"setWeight": 50, "bake": "1s"}, {"approval": {"role": "operator"}}, {"setWeight": 100}]


class Remote:
    """Types commands on a machine that knows the house only by its address."""

    def __init__(self, there: House, url: str, folder: Path) -> None:
        self.there = there
        self.url = url
        self.config = folder / "config"
        home = {"CHIMERA_HOME": str(folder / "home"), "CHIMERA_SERVER": ""}
        self.env = {**home, "XDG_CONFIG_HOME": str(self.config)}

    async def run(self, *args: str, code: int = 0, server: str = "", token: str = "") -> Done:
        chosen = {"CHIMERA_SERVER": server} if server else {}
        chosen |= {"CHIMERA_TOKEN": token} if token else {}
        return await self.there.run(*args, code=code, env={**self.env, **chosen})


@pytest.fixture
async def there() -> AsyncIterator[House]:
    async with house(steps=GATED) as opened, opened.up():
        yield opened


async def token_for(there: House, *grants: tuple[str, Role]) -> str:
    env = {name: there.env[name] for name in ("CHIMERA_HOME",)}
    async with open_access(Settings.from_environment(env)) as access:
        owner = (await access.users.all())[0].name
        token, _ = await access.tokens.create(
            owner, "test", dict(grants), valid=timedelta(days=1), by=TEST
        )
    return token


async def test_a_rollout_is_run_from_elsewhere(there: House, tmp_path: Path) -> None:
    found = find_controller(there.home)
    assert found is not None
    here = Remote(there, found.page, tmp_path)
    await here.run("login", here.url, token="chm_nonsense_x", code=7)
    token = await token_for(there, ("*", Role.ADMIN))
    done = await here.run("login", here.url, token=token)
    assert f"Signed in at {found.page}" in done.err
    kept = here.config / "chimera" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    await here.run("deploy", "--version", "1", "--wait")
    assert [one["name"] for one in json.loads((await here.run("list", "-o", "json")).out)] == [
        "web"
    ]
    async with Load(there.port, rate=60):
        await here.run("plan", "--version", "2", "--out", "plan.json")
        waiting = await here.run("deploy", "--plan", "plan.json", "--wait", code=6)
        assert "50 %" in waiting.err
        await here.run("approve", "web", "--reason", "looks good")
        followed = await here.run("status", "web", "--watch")
        assert "100 %" in followed.err
        await there.reach(Phase.SUCCEEDED)
        lines = await there.lines()
        assert any(
            "token test of" in line.sentence and "looks good" in line.sentence for line in lines
        )

        await here.run("deploy", "web", "--version", "3", "--detach")
        await there.holds(50)
        refused = await here.run("deploy", "web", "--version", "4", "--detach", code=8)
        assert "web is held by rollout" in refused.err
        await here.run("abort", "web", "--yes", "--reason", "no")
        await there.reach(Phase.ABORTED)
    history = json.loads((await here.run("history", "-o", "json")).out)
    assert [one["state"]["phase"] for one in history] == ["aborted", "succeeded", "succeeded"]
    assert (await here.run("logs", "web", "--looks")).out
    assert json.loads((await here.run("replay", "web", "-o", "json")).out)["looks"] > 0
    await here.run("audit", "verify")
    await here.run("gc", "--dry-run")
    await admit(here)
    refused = await here.run("down", "web", "--controller", "--yes", code=2)
    assert "chimera --server local" in refused.err
    assert there.replicas(), "nothing was begun"
    await here.run("down", "web", "--yes")
    await eventually(lambda: not there.replicas(), within_s=60)
    assert not (tmp_path / "home").exists(), "nothing was made here"
    assert find_controller(there.home) == found

    await here.run("logout")
    assert not kept.exists()
    assert json.loads((await here.run("list", "-o", "json")).out) == []


async def admit(here: Remote) -> None:
    """Add a user there, who comes in by a link and a token of that one."""
    added = await here.run("user", "add", "grace", "--role", "viewer")
    assert f"{here.url}/sign-in#" in added.err
    made = (await here.run("token", "create", "ci", "--user", "grace", "-o", "json")).data
    denied = await here.run("user", "list", server=here.url, token=made["token"], code=7)
    assert "is not admin" in denied.err
    trail = (await here.run("audit", "list", "-o", "json", "--limit", "3")).data
    assert [one["action"] for one in trail] == ["token.create", "link.make", "user.add"]
    assert all("token test of" in one["who"] for one in trail)


async def test_what_goes_wrong_on_the_way_is_said(there: House, tmp_path: Path) -> None:
    found = find_controller(there.home)
    assert found is not None
    here = Remote(there, found.page, tmp_path)
    nobody = await here.run("history", server=found.page, code=7)
    assert "nobody is signed in" in nobody.err
    assert "chimera login" in nobody.err
    viewer = await token_for(there, ("*", Role.VIEWER))
    denied = await here.run(
        "deploy", "--version", "1", "--detach", server=found.page, token=viewer, code=7
    )
    assert "is not operator" in denied.err
    away = await here.run("history", server="http://127.0.0.1:9", token=viewer, code=1)
    assert "cannot be reached" in away.err
    clear = await here.run("history", server="http://example.com", token=viewer, code=2)
    assert "others could read your token" in clear.err
