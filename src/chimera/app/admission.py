"""Who may say what runs, and where: operators deploy versions, admins decide on targets."""

from __future__ import annotations

from chimera.core.access import Principal, Role
from chimera.core.errors import NotAllowed
from chimera.core.spec import Spec, service_of


def check_target(who: Principal, spec: Spec, last: Spec | None) -> None:
    """Raise NotAllowed if somebody who is not admin names another target than the last spec.

    A target is a command on Chimera's machine, or a role and a service in an account: whoever may
    choose it freely can do all that Chimera can. last: None if the service was never deployed.
    """
    if who.may(Role.ADMIN):
        return
    if last is None:
        raise NotAllowed(
            f"{who.name} is not admin, and {spec.service} was never deployed",
            hint="an admin deploys it the first time; operators deploy its versions from then on",
        )
    if service_of(spec) != service_of(last):
        raise NotAllowed(
            f"{who.name} is not admin, and the spec's target is not that of {spec.service}",
            hint="leave `target` as it was at the last rollout, or ask an admin to deploy it",
        )
