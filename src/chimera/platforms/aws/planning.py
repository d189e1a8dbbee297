"""What a rollout will write in AWS, before it does: each write, its permission, its cost. Pure."""

from __future__ import annotations

from dataclasses import replace

from chimera.core.model import Change
from chimera.platforms.aws.costs import cost_of
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.front import Making, Writes
from chimera.platforms.aws.images import Pinned
from chimera.platforms.aws.permissions import ALSO

_SCALING = "application-autoscaling"


def changes(
    site: Site, writes: Writes, making: Making, pinned: Pinned, policies: tuple[str, ...] | None
) -> tuple[Change, ...]:
    """Return each write of a rollout that is promoted, in order.

    policies: those of stable's automatic scaling that are carried over, None if it has none.
    """
    stable = making.like
    old = str(stable.service["serviceName"])
    family = f"task definition {stable.definition['family']}"
    return _with_all_permissions(
        *writes.before,
        *_made(site, making, pinned, stable.desired),
        *writes.steps,
        *_scaled(making, policies),
        *writes.promotion,
        *writes.gone,
        *_unscaled(old, policies),
        Change("~", f"ecs service {old}", "scaled to 0, drained", "ecs:UpdateService"),
        Change("-", f"ecs service {old}", "replaced", "ecs:DeleteService"),
        *writes.gone_after,
        Change("~", family, "no new task may use it", "ecs:DeregisterTaskDefinition"),
        Change("-", family, "replaced", "ecs:DeleteTaskDefinitions"),
    )


def first_changes(site: Site, writes: Writes, making: Making, pinned: Pinned) -> tuple[Change, ...]:
    """Return the writes of a service's very first version: the idle one stays as it is."""
    return _with_all_permissions(
        *writes.before,
        *_made(site, making, pinned, site.target.replicas),
        *writes.promotion,
    )


def _with_all_permissions(*changes: Change) -> tuple[Change, ...]:
    """Name beside each write's own permission those that its tags and roles need."""
    return tuple(
        replace(one, permission=", ".join((one.permission, *ALSO.get(one.permission, ()))))
        for one in changes
    )


def shown(making: Making) -> str:
    """Return a version's name as a plan shows it: the rollout's part is not known yet."""
    return f"{making.version.name.rpartition('-')[0]}-*"


def _made(site: Site, making: Making, pinned: Pinned, count: int) -> tuple[Change, ...]:
    name = shown(making)
    tasks = "1 task" if count == 1 else f"{count} tasks"
    return (
        Change(
            "+",
            f"task definition {name}",
            pinned.note or f"runs {pinned.image}",
            "ecs:RegisterTaskDefinition",
        ),
        Change(
            "+",
            f"ecs service {name}",
            f"{tasks} in cluster {site.cluster}, like {making.like.service['serviceName']}",
            "ecs:CreateService",
            cost_of(making.like.service, making.like.definition, count),
        ),
    )


def _scaled(making: Making, policies: tuple[str, ...] | None) -> tuple[Change, ...]:
    if policies is None:
        return ()
    name = f"scaling target {shown(making)}"
    why = "the automatic scaling of stable, before 100 %"
    target = Change("+", name, why, f"{_SCALING}:RegisterScalableTarget")
    return (
        target,
        *(
            Change("+", f"scaling policy {one}", "like stable's", f"{_SCALING}:PutScalingPolicy")
            for one in policies
        ),
    )


def _unscaled(old: str, policies: tuple[str, ...] | None) -> tuple[Change, ...]:
    if policies is None:
        return ()
    action = f"{_SCALING}:DeregisterScalableTarget"
    return (Change("-", f"scaling target {old}", "replaced, with its policies", action),)
