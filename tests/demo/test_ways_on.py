"""What the demo tells people to type can be typed."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from chimera.demo.place import exporting


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_shell_finds_the_command_and_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    # `make demo` changes nobody's PATH.
    folder = "" if elsewhere else f"{sysconfig.get_path('scripts')}:"
    monkeypatch.setenv("PATH", f"{folder}/usr/bin:/bin")
    _, command = exporting(tmp_path, AWS_PROFILE="two words")
    asked = f'{command}; chimera --version; echo "$CHIMERA_HOME, $AWS_PROFILE"'
    done = subprocess.run(
        ["/bin/sh", "-c", asked], env=os.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}, two words" in done.stdout
    assert (" PATH=" in command) is elsewhere
