"""Folders in a spec are relative to the spec's file, wherever the command was typed."""

from __future__ import annotations

from pathlib import Path

from chimera.core.spec import Spec


def anchored(spec: Spec, folder: Path) -> Spec:
    """Return the spec with the folders of its target absolute; none given means `folder` itself.

    A platform's options name their folders in `folders`, a class variable.
    """
    options = spec.target.options
    names: tuple[str, ...] = getattr(options, "folders", ())
    if not names:
        return spec
    places = {name: str((folder / getattr(options, name)).resolve()) for name in names}
    target = spec.target.model_copy(update={"options": options.model_copy(update=places)})
    return spec.model_copy(update={"target": target})
