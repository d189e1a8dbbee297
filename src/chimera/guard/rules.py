"""The rule of a route: the role it needs, or that it is open to all; without one it is shut."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import Depends, Request, params
from fastapi.routing import iter_route_contexts
from starlette.datastructures import UploadFile
from starlette.routing import BaseRoute

from chimera.core.access import EVERYTHING, Principal, Role
from chimera.core.errors import NotAllowed, NotSignedIn, RolloutNotFound
from chimera.guard.caller import Caller, caller_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Rule:
    """role: the least that is needed, None for a route open to all.

    service: the parameter that names the service, or a rollout of it; "" for any service; "*" for
    a role on everything, which an admin's rule always means. deed: whether a write by this route
    belongs into the audit trail.
    """

    role: Role | None
    service: str = ""
    deed: bool = True

    async def __call__(self, request: Request) -> None:
        """Let the request through, or raise NotSignedIn or NotAllowed."""
        caller = caller_of(request.scope)
        caller.deed = self.deed and self.role is not None
        if request.method not in SAFE:
            await _check_csrf(request, caller)
        if self.role is None:
            return
        if caller.principal is None:
            raise caller.problem or NotSignedIn("nobody is signed in", hint="sign in first")
        await self._check_role(request, caller, caller.principal, self.role)

    async def _check_role(
        self, request: Request, caller: Caller, who: Principal, role: Role
    ) -> None:
        if self.service and self.service != EVERYTHING:
            service = await _service(request, self.service, who)
            if service:
                caller.service = service
                if not who.may(role, service):
                    raise _denied(who, role, f"on {service}")
                return
        everything = self.service == EVERYTHING or role is Role.ADMIN
        if not (who.may(role) if everything else who.may_somewhere(role)):
            raise _denied(who, role, "on everything" if everything else "on any service")


def requires(role: Role, *, service: str = "", deed: bool = True) -> params.Depends:
    """Return the rule of a route that needs a role.

    service: "service" names the path or query parameter that holds a service; any other name holds
    a rollout's id or a service ("ref"). "": the role on any service; the handler then shows or does
    only what `principal(request).may(role, service)` allows. An admin's role is on everything.
    deed: False for a route that asks by POST and changes nothing, or notes what it does itself.
    """
    return params.Depends(Rule(role, service, deed))


PUBLIC: params.Depends = Depends(Rule(None))


def rule_of(route: BaseRoute | object) -> Rule | None:
    """Return the one rule of a route, or of its context; None if it has none or several."""
    found = [
        depends.dependency
        for depends in getattr(route, "dependencies", None) or ()
        if isinstance(depends.dependency, Rule)
    ]
    return found[0] if len(found) == 1 else None


def unruled(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield the path of every route that has no rule, or several."""
    for route in iter_route_contexts(list(routes)):
        if rule_of(route) is None:
            yield str(getattr(route, "path", None) or route)


async def _service(request: Request, parameter: str, who: Principal) -> str:
    value = request.path_params.get(parameter) or request.query_params.get(parameter) or ""
    if not value or parameter == "service":
        return str(value)
    try:
        view = await request.app.state.chimera.status(value)
    except RolloutNotFound as error:
        if who.may(Role.VIEWER):
            raise
        raise RolloutNotFound(str(error)) from None  # the hint names services
    name: str = view.rollout.service.name
    return name


def _denied(who: Principal, role: Role, where: str) -> NotAllowed:
    return NotAllowed(
        f"{who.name} is not {role} {where}", hint=f"an admin can grant it: {role} {where}"
    )


async def _check_csrf(request: Request, caller: Caller) -> None:
    # Without a cookie there is nothing that another site could abuse; its Origin was checked.
    if caller.bearer or not caller.cookie:
        return
    given: object = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        given = (await request.form()).get("csrf")
    if given is None or isinstance(given, UploadFile) or not caller.proves(str(given)):
        raise NotAllowed("this page is out of date", hint="reload it and try again")
