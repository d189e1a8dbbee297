"""A Spec to YAML text, so that `load` reads the same spec."""

from __future__ import annotations

from typing import Any

import yaml

from chimera.core.spec.models import Spec


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def dump(spec: Spec) -> str:
    """Return the YAML of what was given in `spec`; defaults are left out, comments are lost."""
    given = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"target"})
    options = spec.target.options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    target = {"platform": spec.target.platform, **options}
    ordered = {"version": given.pop("version"), "service": given.pop("service"), "target": target}
    text = yaml.dump(
        {**ordered, **given}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return str(text)
