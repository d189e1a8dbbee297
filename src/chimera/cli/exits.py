"""What a command's exit code says; the one list that the help and the reference are made from."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Why a command ended; `MEANING` says it in words."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    ROLLED_BACK = 3
    ABORTED = 4
    GOES_ON = 5
    NEEDS_APPROVAL = 6
    PERMISSION = 7
    CONFLICT = 8
    CHANGES = 10
    STOPPED = 130
    PIPE = 141


MEANING = {
    ExitCode.DONE: "released; for other commands and with --detach: done",
    ExitCode.FAILED: "internal error, or a check of doctor, gc or audit failed",
    ExitCode.USAGE: "the command or the spec is wrong",
    ExitCode.ROLLED_BACK: "rolled back by a check; all traffic is on stable",
    ExitCode.ABORTED: "aborted or reverted by a person",
    ExitCode.GOES_ON: "the waiting ended (timeout or Ctrl-C); the rollout goes on",
    ExitCode.NEEDS_APPROVAL: "the rollout waits for a person, and none is here to ask",
    ExitCode.PERMISSION: "credentials or a permission are missing",
    ExitCode.CONFLICT: "another rollout holds the service, or it cannot be done now",
    ExitCode.CHANGES: "plan --exit-code: a deploy would change something",
    ExitCode.STOPPED: "stopped by Ctrl-C or by a no, before anything was started",
    ExitCode.PIPE: "whoever read the output went away",
}


def exit_code_lines() -> list[str]:
    """Return one line per exit code."""
    return [f"{code.value:>3}  {meaning}" for code, meaning in MEANING.items()]
