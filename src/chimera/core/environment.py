"""What of the controller's environment goes on to the programs that it starts."""

from __future__ import annotations

from collections.abc import Mapping

_OURS = "CHIMERA_"
# A run of the tests marks its processes with it, however deep, to find those that were left.
_MARKS = "CHIMERA_TEST_"


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without the controller's own settings, which may hold secrets."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OURS) or name.startswith(_MARKS)
    }
