"""YAML text to a Spec; or one SpecError with every problem of the file, each with its line."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from chimera.core.errors import SpecError
from chimera.core.spec.models import Spec
from chimera.core.spec.problems import problems_of
from chimera.core.spec.tree import Problem, read_tree

MAX_PROBLEMS = 100


def load(text: str, *, file: str = "", targets: Mapping[str, type[BaseModel]]) -> Spec:
    """Read a spec from YAML; `file` is its name for messages, `targets` the platforms' options.

    SpecError otherwise; its `problems` are in the order of the file.
    """
    tree, problems = read_tree(text)
    spec: Spec | None = None
    if tree is not None:
        try:
            spec = Spec.model_validate(tree.plain(), context={"targets": targets})
        except ValidationError as error:
            problems.extend(problems_of(error.errors(include_url=False), tree, Spec))
    if spec is None or problems:
        raise _refusal(problems, file)
    return spec


def _refusal(problems: list[Problem], file: str) -> SpecError:
    found = sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column))
    lines = [problem.text(file) for problem in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        lines.append(f"and {len(found) - MAX_PROBLEMS} more")
    count = f"{len(found)} problems" if len(found) > 1 else "1 problem"
    return SpecError(
        f"{file or 'the spec'} cannot be used: {count}",
        problems=lines,
        hint="correct these lines; docs/reference/spec.md explains every key",
    )
