"""Pages of the documentation that the code writes.

python -m chimera.platforms.aws.pages > docs/reference/aws-permissions.md
python -m chimera.platforms.aws.pages ecs-alb     the table of a platform's options, for aws.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from chimera.core.words import duration
from chimera.platforms.aws.alboptions import EcsAlbTarget
from chimera.platforms.aws.options import EcsAppMeshTarget
from chimera.platforms.aws.permissions import DEPLOY, DISCOVERY, GRANTS, SETUP, Grant
from chimera.platforms.aws.reasons import WHY

MODELS: dict[str, type[BaseModel]] = {"ecs-alb": EcsAlbTarget, "ecs-appmesh": EcsAppMeshTarget}
_HEAD = """\
# Permissions on AWS

<!-- Written by `python -m chimera.platforms.aws.pages`: change the code. -->

`chimera policy` prints these as an IAM policy: for one platform, for one purpose, limited to an
account, a region, a cluster and a mesh. `chimera doctor --file SPEC` asks IAM whether they are
granted, each on the resource that it is for, if this identity may call
`iam:SimulatePrincipalPolicy`; else it says that they are unknown, and so does `chimera plan`. A
role of single sign-on has a path, which only `iam:GetRole` tells. Who one is
(`sts:GetCallerIdentity`) needs no permission.

- **deploy**: what every rollout needs, its plan, its rollback and `gc`: for the controller.
- **discovery**: reading what is there, for `chimera discover`, `chimera init` and the page.
- **setup**: `chimera setup`, once per cluster, for `ecs-appmesh` only.

A test holds this list against every call in the source, and whole rollouts run under the printed
policy.
"""
_PLACES = (
    (":service/", "services of the cluster"),
    (":task-definition/", "task definitions"),
    (":targetgroup/", "target groups"),
    (":listener-rule/", "rules of load balancers"),
    (":listener/", "listeners of load balancers"),
    (":mesh/{mesh}/", "what is in the mesh"),
    (":mesh/", "the mesh"),
    ("role/chimera-agent", "the agent's roles"),
    (":role/", "roles"),
    (":user/", "users"),
    (":repository/", "repositories"),
)


def permissions_page() -> str:
    """Return the whole page of permissions."""
    return "\n".join([_HEAD, *(line for one in (DEPLOY, DISCOVERY, SETUP) for line in _part(one))])


def _part(purpose: str) -> Iterator[str]:
    grants = [grant for grant in GRANTS if purpose in grant.purposes]
    names = sorted({name for grant in grants for name in grant.actions})
    yield f"## {purpose.capitalize()}\n"
    yield "| Permission | Why | On | Platforms |"
    yield "|---|---|---|---|"
    for name in names:
        mine = [grant for grant in grants if name in grant.actions]
        where = ", ".join(dict.fromkeys(map(_on, mine)))
        platforms = sorted({platform for grant in mine for platform in grant.platforms})
        shown = ", ".join(f"`{platform}`" for platform in platforms)
        yield f"| `{name}` | {WHY[name]} | {where} | {shown} |"
    yield ""


def _on(grant: Grant) -> str:
    if grant.condition and "ecs:cluster" in str(grant.condition):
        return "tasks and services of the cluster"
    words = next((words for part, words in _PLACES if part in grant.resource), "everything")
    passed = words == "roles" and "PassedToService" in str(grant.condition)
    return f"{words}, to be passed to tasks" if passed else words


def options_table(platform: str) -> str:
    """Return the options of a platform's `target` as a table."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    for name, field in MODELS[platform].model_fields.items():
        key = field.alias or name
        if field.is_required():
            default = "**required**"
        else:
            value = field.get_default()
            default = f"`{text}`" if (text := _shown(value)) else ""
        rows.append(f"| `{key}` | {default} | {field.description} |")
    return "\n".join(rows)


def _shown(value: Any) -> str:
    """Return a default as a spec has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return duration(value) if hasattr(value, "total_seconds") else str(value)


def main(platforms: list[str]) -> None:
    """Print a page or a table."""
    text = "\n\n".join(map(options_table, platforms)) if platforms else permissions_page()
    print(text.rstrip())  # noqa: T201 - what the caller asked for


if __name__ == "__main__":
    main(sys.argv[1:])
