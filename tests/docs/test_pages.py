"""What the pages say is true of the program: links, commands, specs, variables, events."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from tests.support.pages import (
    ROOT,
    Block,
    anchors,
    blocks,
    links,
    mentioned_commands,
    pages,
    typed_commands,
    words,
)

from chimera.cli.exits import ExitCode
from chimera.cli.main import app
from chimera.core import events
from chimera.core.spec import load
from chimera.platforms.catalog import option_models

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks(page)]
SPECS = [block for block in BLOCKS if block.mark == "check: spec"]
_PLACES = re.compile(r"(?<![\w.~-])/(?:root|work|home|Users|opt|mnt|srv)/")
_REGISTRIES = (
    "pypi.",
    "registry.npmjs",
    "docker.io",
    "ghcr.io",
    "amazonaws.com",
    "githubusercontent",
)


def by_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(found), f"{target} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not _PLACES.findall(text)
    assert not [host for host in _REGISTRIES if host in text]


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_command_typed_is_one(page: Path) -> None:
    for command in typed_commands(page):
        found, rest = _find(command)
        if not {"--help", "-h"} & set(rest):
            found.make_context(command, rest).close()


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_command_mentioned_exists_with_its_options(page: Path) -> None:
    for command in mentioned_commands(page):
        found, rest = _find(command)
        known = {option for parameter in found.params for option in parameter.opts}
        shown = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert not shown - known - {"--help", "-h"}, f"`{command}`: no such option"


def _find(command: str) -> tuple[Any, list[str]]:
    """Return the command of the program that a line means, and what follows it."""
    at: Any = typer.main.get_command(app)
    rest = words(command)[1:]
    while rest and not rest[0].startswith("-") and hasattr(at, "commands"):
        if rest[0].isupper():  # a placeholder: chimera COMMAND --help
            return at, []
        assert rest[0] in at.commands, f"`{command}`: there is no '{rest[0]}'"
        at, rest = at.commands[rest[0]], rest[1:]
    return at, rest


@pytest.mark.parametrize("block", SPECS, ids=lambda block: block.name)
def test_every_spec_shown_is_one(block: Block) -> None:
    load(block.text, file=block.name, targets=option_models())


def test_specs_are_shown_and_commands_are_run() -> None:
    assert len(SPECS) >= 3
    assert sum(block.mark == "run" for block in BLOCKS) >= 4


def test_every_environment_variable_is_explained() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    page = (ROOT / "docs/reference/environment.md").read_text()
    used = set(re.findall(r"\"(CHIMERA_[A-Z_]*[A-Z])\"", source))
    assert used
    assert not {name for name in used if f"`{name}`" not in page}


def test_every_kind_of_event_is_explained() -> None:
    page = (ROOT / "docs/reference/events.md").read_text()
    kinds = {kind.__dataclass_fields__["kind"].default for kind in get_args(events.AnyEvent)}
    assert kinds
    assert not {kind for kind in kinds if f"`{kind}`" not in page}


def test_every_exit_code_is_explained() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    assert [int(n) for n in re.findall(r"^\| (\d+) \|", page, flags=re.M)] == sorted(ExitCode)
