"""Malformed specs and exactly what the operator is told; the tables are in `refused/`.

A block is `## name`, the lines of the file, and one `>> ` line per problem. The three good lines of
HEAD stand before the lines of each block, unless its name ends in "(whole file)".
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.specs import HEAD, TARGETS

from chimera.core.errors import SpecError
from chimera.core.spec import load

WHOLE = "(whole file)"


def blocks() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for table in sorted(Path(__file__).with_name("refused").glob("*.txt")):
        for block in table.read_text().split("## ")[1:]:
            name, *lines = block.rstrip("\n").split("\n")
            told = tuple(line[3:] for line in lines if line.startswith(">> "))
            body = "".join(f"{line}\n" for line in lines if not line.startswith(">> "))
            yield name, body if name.endswith(WHOLE) else HEAD + body, told


BLOCKS = list(blocks())


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as refusal:
        load(text, file="c.yaml", targets=TARGETS)
    return refusal.value


@pytest.mark.parametrize(("text", "told"), [b[1:] for b in BLOCKS], ids=[b[0] for b in BLOCKS])
def test_every_mistake_is_told_with_its_line_and_what_to_do(
    text: str, told: tuple[str, ...]
) -> None:
    assert told
    assert refused(text).problems == told


def test_the_tables_hold_what_they_promise() -> None:
    assert len(BLOCKS) >= 100
    assert len({name for name, _, _ in BLOCKS}) == len(BLOCKS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: \0", "not text: it holds U+0000; is this the right file?", id="zero"),
        pytest.param("# \x1b[31m", "not text: it holds U+001B; is this the right file?", id="esc"),
        pytest.param("\ud800", "not text: it holds U+D800; is this the right file?", id="half"),
        pytest.param("x" * 262_145, "too large: a spec has at most 256 KB", id="large"),
        pytest.param("ä" * 131_073, "too large: a spec has at most 256 KB", id="large in bytes"),
        pytest.param(
            "a: [" + "1," * 2001 + "]", "too many values: a spec has at most 2000", id="many"
        ),
        pytest.param("[" * 100_000, "nested too deeply: a spec has at most 20 levels", id="flow"),
        pytest.param("- " * 100_000, "nested too deeply: a spec has at most 20 levels", id="block"),
        pytest.param("? " * 100_000, "nested too deeply: a spec has at most 20 levels", id="keys"),
        pytest.param("{" * 100_000, "nested too deeply: a spec has at most 20 levels", id="maps"),
    ],
)
def test_what_is_no_spec_at_all_is_refused_at_once(text: str, told: str) -> None:
    began = time.monotonic()
    assert refused(text).problems == (f"c.yaml:1: {told}",)
    assert time.monotonic() - began < 5


def test_a_tab_is_named() -> None:
    told = refused(HEAD + "canary:\n\treplicas: 1\n").problems
    assert told == ("c.yaml:5:1: not valid YAML: a tab; indent with spaces",)


def test_too_many_steps_are_refused() -> None:
    told = refused(HEAD + "steps: [" + "{setWeight: 1}, " * 101 + "]\n").problems
    assert told == ("c.yaml:4: steps: at most 100 steps, not 101",)


def test_a_flood_of_mistakes_is_cut_and_counted() -> None:
    error = refused(HEAD + "".join(f"key{n}: 1\n" for n in range(150)))
    assert str(error) == "c.yaml cannot be used: 150 problems"
    assert len(error.problems) == 101
    assert error.problems[-1] == "and 50 more"


def test_one_problem_is_one_and_the_hint_says_where_to_look() -> None:
    error = refused(HEAD + "lease: 1s\n")
    assert str(error) == "c.yaml cannot be used: 1 problem"
    assert "docs/reference/spec.md" in error.hint
    assert Path(__file__).parents[3].joinpath("docs/reference/spec.md").exists()


def test_without_a_file_name_the_line_is_named() -> None:
    with pytest.raises(SpecError) as refusal:
        load(HEAD + "lease: 1s\n", targets=TARGETS)
    assert str(refusal.value) == "the spec cannot be used: 1 problem"
    assert refusal.value.problems == ("line 4: lease: at least 3s, not 1s",)


def test_without_platforms_it_says_so() -> None:
    with pytest.raises(SpecError) as refusal:
        load(HEAD, targets={})
    assert refusal.value.problems == (
        "line 3: target.platform: unknown platform 'box'; known: none",
    )
