"""What may be secret is not printed, and is kept where a deploy needs it."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.support.scripted import Script
from tests.support.stories import SPEC, make_rollout

from chimera.app.reports import PlanReport
from chimera.core.model import Revision, Service

SECRET = "hunter2"
ENV = {"API_TOKEN": SECRET}
ROLLOUT = replace(
    make_rollout(),
    service=Service("logo", "local", {"port": 8080, "env": ENV}),
    canary=Revision("2", settings={"env": ENV, "command": ["run"]}),
    spec=SPEC.replace('{port}"}', f'{{port}}", env: {{API_TOKEN: {SECRET}}}}}'),
)


@pytest.fixture(autouse=True)
def spec(home: Path) -> Path:
    """A spec where commands look for one."""
    Path("chimera.yaml").write_text(SPEC)
    return home


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "table"])
def test_values_of_the_environment_are_masked_wherever_they_stand(
    run: Run, script: Script, form: str
) -> None:
    assert ROLLOUT.spec.count(SECRET) == 1
    script.plan = PlanReport(ROLLOUT, (), ())
    done = run("plan", "-o", form)
    assert done.code == 0
    assert SECRET not in done.text
    if form != "table":
        assert done.out.count("API_TOKEN") == 3


def test_the_schema_of_env_is_not_masked(run: Run) -> None:
    assert '"***"' not in run("schema").out


def test_a_saved_plan_is_whole_and_private(run: Run, script: Script) -> None:
    script.plan = PlanReport(ROLLOUT, (), ())
    file = Path("plan.json")
    file.write_text("older")
    file.chmod(0o644)
    run("plan", "--out", "plan.json")
    assert json.loads(file.read_text())["rollout"]["canary"]["settings"]["env"] == ENV
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_threads_of_the_engine_cannot_change_the_exit_code(tmp_path: Path) -> None:
    """They may still run while the interpreter is taken down, and then abort the process."""
    program = (
        "import atexit, os, sys, types; sys.modules['temporalio'] = types.ModuleType('t');"
        "atexit.register(lambda: os._exit(77)); sys.argv = ['chimera', 'version'];"
        "from chimera.cli.main import run; run()"
    )
    env = {**os.environ, "CHIMERA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout[:8]) == (0, b"chimera ")
