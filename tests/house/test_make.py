"""What `make` installs before it runs something: a bench needs more than a demo."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("target", "installs"),
    [("demo", False), ("bench", True), ("bench-judge", True)],
)
def test_after_a_demo_make_installs_what_is_missing(
    tmp_path: Path, target: str, installs: bool
) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.runtime").touch()  # as a demo leaves it
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ("Installing requirements/dev.txt into" in done.stdout) is installs
