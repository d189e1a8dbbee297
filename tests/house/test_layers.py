"""The contracts in .importlinter bite: one forbidden import in a copy of the house breaks them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = [
    ("core/bad.py", "import chimera.ports"),
    ("core/bad.py", "import time"),
    ("ports/bad.py", "import httpx"),
    ("ports/bad.py", "import chimera.store"),
    ("store/bad.py", "import chimera.engine"),
    ("engine/bad.py", "import chimera.platforms"),
    ("store/bad.py", "import temporalio.client"),
    ("cli/bad.py", "import temporalio"),
    ("engine/bad.py", "import sqlalchemy"),
    ("platforms/local/bad.py", "import boto3"),
    ("platforms/envoy/bad.py", "import chimera.platforms.local"),
    ("app/bad.py", "import chimera.guard"),
    ("guard/bad.py", "import chimera.web"),
    ("api/bad.py", "import chimera.web"),
    ("unplaced.py", ""),
]
ALLOWED = [
    ("engine/good.py", "import temporalio.client"),
    ("store/good.py", "import sqlalchemy.orm"),
    ("platforms/aws/good.py", "import boto3"),
    ("platforms/local/good.py", "import chimera.platforms.envoy"),
    ("app/good.py", "import chimera.engine\nimport chimera.store\nimport chimera.platforms"),
    ("cli/good.py", "import chimera.app"),
    ("guard/good.py", "import chimera.app"),
    ("web/good.py", "import chimera.guard"),
]


def lint_with(folder: Path, file: str, source: str) -> tuple[int, str]:
    """Lint a house of empty rooms plus one file."""
    house = folder / "chimera"
    for room in ("core", "ports", "platforms/local", "platforms/envoy", "platforms/aws", "store"):
        (house / room).mkdir(parents=True)
    for room in ("engine", "app", "guard", "api", "web", "cli"):
        (house / room).mkdir()
    (house / file).write_text(source)
    for package in [house, *(f for f in house.rglob("*") if f.is_dir())]:
        (package / "__init__.py").touch()
    shutil.copy(ROOT / ".importlinter", folder)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("file", "source"), FORBIDDEN)
def test_a_forbidden_import_is_refused(tmp_path: Path, file: str, source: str) -> None:
    code, output = lint_with(tmp_path, file, source)
    assert code == 1, output
    assert Path(file).stem in output


@pytest.mark.parametrize(("file", "source"), ALLOWED)
def test_an_allowed_import_passes(tmp_path: Path, file: str, source: str) -> None:
    code, output = lint_with(tmp_path, file, source)
    assert code == 0, output
