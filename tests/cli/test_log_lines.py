"""The controller's notes: an event, its fields, one line."""

import logging
import sys

from chimera.cli.log_lines import LogLine


def test_the_fields_stand_behind_the_event_on_one_line() -> None:
    extra = {"rollout": "web-1", "reason": "no\n room"}
    record = logging.getLogger("x").makeRecord(
        "x", logging.WARNING, "f", 1, "ledger.unavailable", (), None, extra=extra
    )
    said = LogLine().format(record)
    assert said.endswith(" WARNING ledger.unavailable  rollout=web-1  reason=no room")
    assert "\n" not in said


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    try:
        raise KeyError("surprise")
    except KeyError:
        record = logging.getLogger("x").makeRecord("x", 40, "f", 1, "odd", (), sys.exc_info())
    assert "KeyError: 'surprise'" in LogLine().format(record)
