"""`chimera init --platform ecs-...`: choosing among what was found on AWS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chimera.cli.asking import ask_text, say
from chimera.cli.new_spec import write_text
from chimera.core.errors import SpecError

if TYPE_CHECKING:
    from chimera.app.cloud import Found, Identity


def write_cloud_spec(
    file: Path,
    platform: str,
    chosen: Found,
    found: Sequence[Found],
    identity: Identity,
    strategy: str,
) -> str:
    """Write a spec for an ECS service that was found; return its name in Chimera."""
    from chimera.app.cloud import settings_of
    from chimera.app.cloudspec import cloud_spec, service_name

    settings = settings_of(chosen.settings, identity)
    write_text(file, cloud_spec(platform, chosen, found, strategy=strategy, settings=settings))
    return service_name(chosen.name)


def choose(found: Sequence[Found], *, service: str, cluster: str, ask: bool) -> Found:
    """Return the service that a spec is wanted for.

    service: by its name on ECS or as Chimera calls it, "" for the only one, or to be asked.
    SpecError says which there are, and why none fits.
    """
    from chimera.app.cloudspec import service_name

    services = [one for one in found if one.kind == "service"]
    named = [
        one
        for one in services
        if service in {"", one.name, service_name(one.name)}
        and cluster.rpartition("/")[2] in {"", one.inside}
    ]
    usable = [one for one in named if one.usable]
    if len(usable) == 1:
        return usable[0]
    if usable:
        return _asked(usable, ask=ask)
    raise _none(named or services, found, service)


def _asked(usable: Sequence[Found], *, ask: bool) -> Found:
    if not ask:
        names = ", ".join(f"{one.name} in {one.inside} ({one.region})" for one in usable)
        hint = "say which: --service NAME, --cluster NAME or --region NAME"
        raise SpecError(f"several services can be used: {names}", hint=hint)
    say("These services can be used:")
    for number, one in enumerate(usable, 1):
        runs = f"runs {one.facts['image']}, {one.facts['tasks']} tasks"
        say(f"  {number}  {one.name} in {one.inside} ({one.region}): {runs}")
    while True:
        answer = ask_text("Which one", "1")
        if answer.isdecimal() and 1 <= int(answer) <= len(usable):
            return usable[int(answer) - 1]
        named = [one for one in usable if one.name == answer]
        if len(named) == 1:
            return named[0]
        say(f"Please answer with a number from 1 to {len(usable)}.")


def _none(named: Sequence[Found], found: Sequence[Found], wanted: str) -> SpecError:
    message = f"no service '{wanted}' can be used" if wanted else "no service can be used"
    problems = [str(one) for one in named]
    if not problems:
        problems = [str(one) for one in found if one.why] or ["nothing was found at all"]
    hint = "chimera discover lists everything with its reason; check the region and the account"
    if any(one.name == "?" for one in found):
        hint = "chimera policy --purpose discovery prints the permissions that are missing"
    return SpecError(message, problems=problems, hint=hint)
