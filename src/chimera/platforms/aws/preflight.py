"""Whether an identity may do all that a rollout does, asked before anything is made."""

from __future__ import annotations

import time
from collections.abc import Iterable

from chimera.core.errors import ProviderDenied
from chimera.platforms.aws.arms import Arm
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.permissions import DEPLOY
from chimera.platforms.aws.simulation import scope_of, simulate

# That all is allowed is believed so long; what is missing is asked for anew each time.
_LASTS_S = 300.0
_SHOWN = 5
_ROLES = ("taskRoleArn", "executionRoleArn")
# Without these a rollout is as good: they serve this check, gc, and the picture in a report.
FOR_LATER = frozenset(
    {
        "application-autoscaling:ListTagsForResource",
        "appmesh:ListVirtualNodes",
        "cloudwatch:GetMetricWidgetImage",
        "ecs:ListTaskDefinitionFamilies",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "servicediscovery:ListTagsForResource",
    }
)
SCALING = frozenset(
    f"application-autoscaling:{name}"
    for name in (
        "DescribeScalingPolicies",
        "RegisterScalableTarget",
        "PutScalingPolicy",
        "DescribeScheduledActions",
        "PutScheduledAction",
        "DeregisterScalableTarget",
        "TagResource",
    )
)


class Preflight:
    """Asks IAM to simulate a rollout's calls, once in a while for each place.

    An identity that may not ask goes on: then each call is refused when it is made, and says so.
    """

    def __init__(self, platform: str) -> None:
        self._platform = platform
        # (account, cluster, mesh, service, roles) -> until when it is believed that all is allowed
        self._allowed: dict[tuple[object, ...], float] = {}

    async def check(self, site: Site, stable: Arm, spare: Iterable[str]) -> None:
        """Raise ProviderDenied if a call would be refused. spare: what is not called here."""
        unneeded = {*spare, *FOR_LATER}
        roles = [str(r) for key in _ROLES if (r := stable.definition.get(key))]
        found = await self._missing(site, tuple(dict.fromkeys(roles)))
        missing = [name for name in found if name not in unneeded]
        if not missing:
            return
        shown = ", ".join(missing[:_SHOWN])
        shown += f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        reason = f"this identity may not do what a rollout does: {shown}"
        hint = f"allow that; `chimera policy --platform {self._platform}` prints all it needs"
        raise ProviderDenied(PROVIDER, "check the permissions", reason, hint=hint)

    async def _missing(self, site: Site, roles: tuple[str, ...]) -> tuple[str, ...]:
        account, mesh = site.account, str(getattr(site.target, "mesh", ""))
        key = (id(account), site.cluster, mesh, site.target.service, roles)
        now = time.monotonic()
        if now < self._allowed.get(key, 0.0):
            return ()
        who = str((await account.call(account.sts.get_caller_identity))["Arn"])
        found = await simulate(
            account,
            who,
            scope_of(who, account.region, site.cluster, mesh),
            [self._platform],
            [DEPLOY],
            name=site.target.service,
            roles=roles,
        )
        if not found.missing:
            self._allowed[key] = now + _LASTS_S
        return found.missing
