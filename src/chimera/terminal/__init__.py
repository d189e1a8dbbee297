"""How things look in a terminal: pure renderables that the CLI and the demo share."""

from chimera.core.words import plain
from chimera.terminal.live import LiveView

__all__ = ["LiveView", "plain"]
