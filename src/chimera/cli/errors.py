"""The one place where errors become text: a sentence, what is wrong line by line, what to do next.

Never a traceback: what nobody foresaw goes to a log file. CHIMERA_DEBUG=1 shows it as well.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from chimera.cli.exits import ExitCode
from chimera.cli.output import close_quietly, err_console


def guarded(command: Callable[[], int | None], args: Sequence[str]) -> int:
    """Run a command and return its exit code, whatever happens."""
    try:
        code = command() or 0
        sys.stdout.flush()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    except BrokenPipeError:
        code = ExitCode.PIPE
    except KeyboardInterrupt:
        code = ExitCode.STOPPED
    except Exception as error:
        code = report(error, args)
    if code == ExitCode.PIPE:
        close_quietly()
    return int(code)


def report(error: Exception, args: Sequence[str]) -> ExitCode:
    """Say what went wrong on stderr, and return the exit code for it."""
    from typer import Abort
    from typer.exceptions import TyperException

    from chimera.core.errors import ChimeraError, SpecError

    if os.environ.get("CHIMERA_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, Abort):
        return ExitCode.STOPPED
    if isinstance(error, SpecError):
        say(str(error), error.problems, error.hint)
    elif isinstance(error, ChimeraError):
        say(str(error), hint=error.hint)
    elif isinstance(error, TyperException):
        say(error.format_message(), hint=_usage_hint(error))
        return ExitCode.USAGE
    elif isinstance(error, PermissionError):
        say(
            f"no permission: {error.strerror}: {error.filename}", hint="check who may use this file"
        )
        return ExitCode.PERMISSION
    else:
        _report_internal(error, args)
        return ExitCode.FAILED
    return ExitCode(error.exit_code)


def say(message: str, problems: Sequence[str] = (), hint: str = "") -> None:
    """Print an error: the sentence, one line per problem, and what to do next."""
    from rich.text import Text

    from chimera.core.words import plain
    from chimera.terminal.style import BAD

    console = err_console()
    text = Text.assemble(("error: ", BAD), plain(message))
    for problem in problems:
        text.append(f"\n  {plain(problem)}")
    if hint:
        text.append("\nNext: ", style="bold").append(plain(hint))
    console.print(text, soft_wrap=not console.is_terminal)


def _usage_hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "chimera") or "chimera"
    return f"`{command} --help` shows how it is used"


def _report_internal(error: Exception, args: Sequence[str]) -> None:
    words = " ".join(str(error).split())
    file = _write_log(error, args)
    say(
        f"internal error: {type(error).__name__}{f': {words}' if words else ''}",
        hint=f"this is a fault in Chimera; the details are in {file}" if file else "",
    )


def _write_log(error: Exception, args: Sequence[str]) -> Path | None:
    """Append the traceback to a file of the data folder, or of the temporary one."""
    details = "".join(traceback.format_exception(error))
    entry = f"{datetime.now(UTC).isoformat()} chimera {' '.join(args)}\n{details}\n"
    for folder in _log_folders():
        with suppress(Exception):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.lstat().st_uid != os.getuid():
                continue  # in the temporary folder somebody else may have made it first
            file = folder / "cli-errors.log"
            with open(file, "a", encoding="utf-8", opener=_private) as log:
                log.write(entry)
            return file
    return None


def _log_folders() -> list[Path]:
    folders = [Path(tempfile.gettempdir()) / f"chimera-{os.getuid()}"]
    with suppress(Exception):
        from chimera.app.settings import Settings

        folders.insert(0, Settings.from_environment(os.environ).home)
    return folders


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
