"""What a plan says of a process reads as its spec does, and can be typed into a shell."""

import pytest
from tests.platforms.local.room import service

from chimera.platforms.local.options import build_revision
from chimera.platforms.local.planning import changes


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("python3 -m http.server {port}", "runs: python3 -m http.server {port}"),
        ("app --listen=0.0.0.0:{port} {version}", "runs: app --listen=0.0.0.0:{port} v1"),
        (["sh", "-c", "exec app {port}; exit"], "runs: sh -c 'exec app {port}; exit'"),
        (["app", "", "$HOME", "{port}"], "runs: app '' '$HOME' {port}"),
    ],
)
def test_a_command_is_shown_as_it_is_typed(command: str | list[str], shown: str) -> None:
    web = service(command=command)
    first = changes(None, web, build_revision(web, version="v1", image=""))[0]
    assert first.why == shown
