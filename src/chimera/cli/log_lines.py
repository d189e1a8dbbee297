"""What a process notes about trouble: one line per event, its fields behind it, to stderr."""

from __future__ import annotations

import logging
import sys

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogLine(logging.Formatter):
    """Writes `TIME LEVEL event  field=value ...`; a traceback follows what nobody foresaw."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {message}", "%Y-%m-%dT%H:%M:%S%z", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line, without the traceback."""
        fields = {name: value for name, value in vars(record).items() if name not in _KNOWN}
        shown = (f"{name}={' '.join(str(value).split())}" for name, value in fields.items())
        return "  ".join([super().formatMessage(record), *shown])


def note_trouble() -> None:
    """Write warnings and errors of the whole process to stderr as lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
