"""A first spec: it can be used as it is written, and nothing is overwritten."""

from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import Run

from chimera.core.spec import load
from chimera.platforms.local.options import LocalTarget


def test_the_spec_can_be_used_as_it_is_written(run: Run) -> None:
    done = run("init")
    assert done.code == 0, done.err
    assert "Next: chimera plan" in done.err
    text = Path("chimera.yaml").read_text()
    spec = load(text, file="chimera.yaml", targets={"local": LocalTarget})
    assert spec.strategy == "balanced"
    assert text.count("#") > 10, "it explains itself"


def test_what_is_given_is_in_it(run: Run) -> None:
    command = "sh -c 'exec python3 \"my app.py\" {port}' # {version}: \\ é"
    done = run(
        "init", "my.yaml", "--service", "logo", "--command", command, "--port", "9000",
        "--health", "/ready?x=1", "--strategy", "fast",
    )  # fmt: skip
    assert done.code == 0, done.err
    spec = yaml.safe_load(Path("my.yaml").read_text())
    assert spec["service"] == "logo"
    assert spec["strategy"] == "fast"
    assert spec["target"] == {
        "platform": "local",
        "command": command,
        "port": 9000,
        "health": "/ready?x=1",
        "replicas": 1,
    }


def test_nothing_is_overwritten(run: Run) -> None:
    Path("chimera.yaml").write_text("mine")
    done = run("init")
    assert done.code == 2
    assert "exists already" in done.err
    assert Path("chimera.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--service", "Not A Name"],
        ["--command", "python3 app.py"],
        ["--strategy", "reckless"],
        ["--health", "ready"],
        ["--port", "70000"],
    ],
)
def test_what_could_not_be_used_is_not_written(run: Run, wrong: list[str]) -> None:
    done = run("init", *wrong)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert not Path("chimera.yaml").exists()


def test_a_folder_that_is_not_there_is_explained(run: Run) -> None:
    done = run("init", "nowhere/chimera.yaml")
    assert done.code == 2
    assert "cannot write nowhere/chimera.yaml" in done.err
