"""Questions to a person, on a terminal only; elsewhere an option must answer them."""

from __future__ import annotations

import signal
import sys

from chimera.cli.output import err_console, on_terminal
from chimera.core.errors import SpecError


def confirm(question: str, *, yes: bool, default: bool = False) -> bool:
    """Ask a person; elsewhere only `--yes` is a yes, and its absence an error."""
    if yes:
        return True
    if not on_terminal():
        raise SpecError(f"{question} Nobody is here to answer.", hint="say it with --yes")
    return _ask(f"{question} [{'Y/n' if default else 'y/N'}] ", default=default)


def say(line: str) -> None:
    """Tell a person who is about to be asked; never data."""
    err_console().print(line, soft_wrap=True)


def ask_text(question: str, default: str) -> str:
    """Ask for a word; Enter takes the default."""
    return _answer(f"{question} [{default}] ").strip() or default


def ask_secret(question: str, *, again: bool = True) -> str:
    """Ask for a word that nobody shall see; from a pipe its first line is read.

    again: ask twice, for one that is new.
    """
    if not on_terminal():
        return sys.stdin.readline().rstrip("\n")
    import getpass

    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        word = getpass.getpass(f"{question}: ")
        if again and getpass.getpass("Again: ") != word:
            raise SpecError("the two are not the same", hint="try again")
    finally:
        signal.signal(signal.SIGINT, former)
    return word


def _ask(prompt: str, *, default: bool) -> bool:
    while True:
        answer = _answer(prompt)
        word = answer.strip().lower()
        if not answer or word in {"n", "no"}:
            return False
        if not word:
            return default
        if word in {"y", "yes"}:
            return True
        err_console().print("Please answer y or n.")


def _answer(prompt: str) -> str:
    """Return the line that a person types, "" at the end of the input.

    Ctrl-C ends it at once, although an event loop has taken over the signal and waits for us.
    """
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        err_console().print(prompt, end="", soft_wrap=True)
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, former)
