"""What a rollout will write in AWS, before it does: each write, its permission, its cost. Pure."""

from __future__ import annotations

from dataclasses import replace

from chimera.core.model import Change
from chimera.platforms.aws.costs import cost_of
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.front import Making, Writes
from chimera.platforms.aws.images import Pinned
from chimera.platforms.aws.permissions import ALSO
from chimera.platforms.aws.scaling import Carried

_SCALING = "application-autoscaling"


def changes(
    site: Site, writes: Writes, making: Making, pinned: Pinned, scaling: Carried | None
) -> tuple[Change, ...]:
    """Return each write of a rollout that is promoted, in order.

    scaling: what of stable's is carried over, None if it does not scale by itself.
    """
    stable = making.like
    old = str(stable.service["serviceName"])
    family = f"task definition {stable.definition['family']}"
    return _with_all_permissions(
        *writes.before,
        *_made(site, making, pinned, stable.desired),
        *writes.steps,
        *_scaled(making, scaling),
        *writes.promotion,
        *writes.gone,
        *_unscaled(old, scaling),
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


def _scaled(making: Making, found: Carried | None) -> tuple[Change, ...]:
    if found is None:
        return ()
    name = f"scaling target {shown(making)}"
    why = "the automatic scaling of stable, before 100 %"
    if found.left:
        why = f"{why}; NOT carried over, make it anew: {', '.join(found.left)}"
    target = Change("+", name, why, f"{_SCALING}:RegisterScalableTarget")
    policy, action = f"{_SCALING}:PutScalingPolicy", f"{_SCALING}:PutScheduledAction"
    return (
        target,
        *(Change("+", f"scaling policy {one}", "like stable's", policy) for one in found.policies),
        *(Change("+", f"scheduled action {one}", "like stable's", action) for one in found.actions),
    )


def _unscaled(old: str, found: Carried | None) -> tuple[Change, ...]:
    if found is None:
        return ()
    action = f"{_SCALING}:DeregisterScalableTarget"
    why = "replaced, with its policies and schedule"
    return (Change("-", f"scaling target {old}", why, action),)
