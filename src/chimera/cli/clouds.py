"""From a command to what can be asked of AWS before there is a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chimera.cli.cloud_spec import choose, write_cloud_spec
from chimera.cli.new_spec import refuse_existing
from chimera.cli.output import Output, on_terminal
from chimera.cli.session import on_cloud

if TYPE_CHECKING:
    from chimera.app.cloud import Found, Identity, ServiceFacts
    from chimera.app.clouds import AnyCloud
    from chimera.core.model import Change


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a spec is wanted for; "" is not given."""

    platform: str
    service: str
    cluster: str
    regions: tuple[str, ...]
    strategy: str


def init_on_aws(file: Path, wanted: Wanted, identity: Identity, out: Output) -> None:
    """Write the spec of a service that is found on AWS, and say what a rollout would still need."""
    refuse_existing(file)
    found = on_cloud(
        lambda cloud: cloud.discover(identity, wanted.platform, regions=wanted.regions), out
    )
    chosen = choose(found, service=wanted.service, cluster=wanted.cluster, ask=on_terminal())
    name = write_cloud_spec(file, wanted.platform, chosen, found, identity, wanted.strategy)
    out.note(f"Wrote {file} for {name}.")
    known = on_cloud(lambda cloud: _facts(cloud, identity, wanted.platform, chosen, name), out)
    for check in known.checks:
        if not check.ok:
            fix = f"; {check.fix}" if check.fix else ""
            out.note(f"Before a rollout: {check.name}: {check.detail}{fix}")


async def _facts(
    cloud: AnyCloud, identity: Identity, platform: str, chosen: Found, name: str
) -> ServiceFacts:
    return await cloud.facts(identity, platform, chosen.settings, name=name)


def change_lines(changes: Sequence[Change]) -> str:
    """Return a line for each write."""
    rows = []
    for change in changes:
        cost = f"; {change.cost}" if change.cost else ""
        rows.append(f"{change.action} {change.resource}: {change.why}{cost} [{change.permission}]")
    return "\n".join(rows)
