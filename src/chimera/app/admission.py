"""Who may say what runs, and where: operators deploy versions, admins decide on targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera.core.access import Principal, Role
from chimera.core.errors import NotAllowed
from chimera.core.spec import Spec, service_of
from chimera.core.state import Phase

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import RolloutView


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


async def admitted(who: Principal, text: str, chimera: Chimera) -> Spec:
    """Read a spec's text; NotAllowed unless somebody may deploy it: asked before it is planned.

    A plan looks at the target, as the spec says, and stable's traffic is watched for it.
    """
    spec = chimera.parse_spec(text)
    if not who.may(Role.OPERATOR, spec.service):
        raise NotAllowed(
            f"{who.name} is not operator of {spec.service}", hint="an admin can grant it"
        )
    check_target(who, spec, await chimera.last_spec(spec.service))
    return spec


async def check_again(who: Principal, view: RolloutView, chimera: Chimera) -> None:
    """Raise NotAllowed if somebody may not deploy a rollout's spec once more.

    Its target may be one that the service has left since.
    """
    cleanup = view.state.phase is Phase.CLEANUP_INCOMPLETE  # to retry that deploys nothing
    if cleanup or who.may(Role.ADMIN):
        return
    spec = chimera.parse_spec(view.rollout.spec)
    check_target(who, spec, await chimera.last_spec(view.rollout.service.name))
