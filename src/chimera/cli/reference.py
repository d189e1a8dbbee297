"""The reference page of the commands, written from the application itself.

python -m chimera.cli.reference > docs/reference/cli.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from chimera.cli.exits import MEANING
from chimera.cli.main import app

_DATA = {
    "plan": "PlanReport",
    "deploy": "RolloutView, at the end; with jsonl one per change",
    "pause": "Answer",
    "resume": "Answer",
    "approve": "Answer",
    "promote": "Answer",
    "abort": "Answer",
    "revert": "Answer",
    "retry": "RolloutView, or Answer for a cleanup",
    "status": "RolloutView; with --watch and jsonl one per change",
    "list": "list of ServiceView",
    "history": "list of RolloutView, newest first; without --full lean, as above",
    "logs": "list of Line; with --looks list of LookView, without --full lean, as above",
    "replay": "Replay",
    "doctor": "list of Check",
    "gc": "Sweep",
    "setup": "list of Change",
    "discover": "list of Found",
    "sandbox aws": "what to export to reach it",
    "down": "Sweep",
    "schema": "JSON Schema",
    "audit verify": "ok, detail",
    "audit list": "list of Entry",
    "report": "Report",
    "user list": "list of UserView",
    "user add": "UserView",
    "user grant": "UserView",
    "user disable": "UserView",
    "user enable": "UserView",
    "user link": "the link",
    "token list": "list of TokenView",
    "token create": "the token and its TokenView",
}
_INTRODUCTION = """\
# Commands

<!-- Written by `python -m chimera.cli.reference`; a test keeps it current. -->

`chimera --help` and `chimera COMMAND --help` say the same. Data goes to stdout, everything else to
stderr. `-o json`, `yaml` and `jsonl` (one object per line) print the report of the command as it
is: times are ISO 8601 with their zone, spans ISO 8601 durations, ratios run from 0 to 1. The names
under *Data* are those of `chimera.app.reports`; fields are added, never renamed.

On a terminal `deploy` asks before it starts and draws a live view. Elsewhere, with `CI=true` and
with `TERM=dumb`, it asks nothing and writes one line per change. `NO_COLOR` is honoured. Ctrl-C
leaves a rollout alone: it goes on, and `chimera status --watch` comes back to it.

## Environment

| Variable | Meaning |
|---|---|
| `CHIMERA_HOME` | The data folder; default `~/.local/share/chimera` |
| `CHIMERA_DATABASE_URL` | The ledger's database; default SQLite in the data folder |
| `CHIMERA_TEMPORAL_ADDRESS` | A Temporal cluster, `host:port`; default an embedded server |
| `CHIMERA_DEBUG` | `1` shows tracebacks of errors |
| `NO_COLOR` | No colours |
| `CI` | `true`: nobody is here to ask or to draw for |
"""


def render() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_INTRODUCTION, *_exit_codes(), *_commands()]).rstrip() + "\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n\n| Code | Meaning |\n|---|---|"
    for code, meaning in MEANING.items():
        yield f"| {code.value} | {meaning} |"


def _commands() -> Iterator[str]:
    for name, command in commands():
        yield from _section(name, command)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, in the order of the help."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        children = getattr(command, "commands", {})
        if not children:
            yield name, command
        for child, below in children.items():
            yield f"{name} {child}", below


def _section(name: str, command: Any) -> Iterator[str]:
    usage = " ".join(
        part.metavar if part.required else f"[{part.metavar}]"
        for part in command.params
        if part.param_type_name == "argument"
    )
    yield f"\n## `{' '.join(['chimera', name, usage]).strip()}`\n\n{command.help}"
    if name in _DATA:
        yield f"\n*Data*: {_DATA[name]}."
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    if shown:
        yield "\n| | |\n|---|---|"
    for parameter in shown:
        yield f"| {_name(parameter)} | {_explain(parameter)} |"
    example, _, then = (command.epilog or "").removeprefix("Example:\n").partition("\nNext: ")
    yield f"\n```console\n{example}\n```"
    if then:
        yield f"\nNext: {then}"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar.replace('|', ' or ')}`"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return names if parameter.is_flag else f"{names} {parameter.metavar or ''}".rstrip()


def _explain(parameter: Any) -> str:
    default = parameter.default
    shown = "" if default in (None, "", False, 0) else f" Default: `{default}`."
    return f"{parameter.help}{shown}"


if __name__ == "__main__":
    sys.stdout.write(render())
