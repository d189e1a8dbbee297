"""Who may do what: roles, what they are granted on, and the person or token behind a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chimera.core.errors import SpecError

EVERYTHING = "*"


class Role(StrEnum):
    """viewer looks; operator deploys, steers and approves; admin also manages users and setup."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Higher includes lower."""
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Whether whoever has this role may do what `other` may."""
        return self.rank >= other.rank


class Kind(StrEnum):
    """What a request came with."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a token. name: as the ledger records it. user: a token's owner.

    grants: a service's name, or "*" for everything, to the role there.
    """

    name: str
    kind: Kind
    grants: Mapping[str, Role] = field(default_factory=dict)
    user: str = ""

    def role(self, service: str = "") -> Role | None:
        """Return the highest role on a service, or without one on everything; None if none."""
        found = [self.grants[key] for key in {EVERYTHING, service} if key in self.grants]
        return max(found, key=lambda role: role.rank, default=None)

    def may(self, role: Role, service: str = "") -> bool:
        """Whether the role is granted on that service; without one: on everything."""
        held = self.role(service)
        return held is not None and held.includes(role)

    def may_somewhere(self, role: Role) -> bool:
        """Whether the role is granted on at least one service."""
        return any(held.includes(role) for held in self.grants.values())

    @property
    def services(self) -> frozenset[str] | None:
        """The services on which anything is granted, None for all there are."""
        return None if EVERYTHING in self.grants else frozenset(self.grants)

    @property
    def account(self) -> str:
        """The user whose limits this counts towards."""
        return self.user or self.name


def narrowed(grants: Mapping[str, Role], within: Mapping[str, Role]) -> dict[str, Role]:
    """Return what of `grants` its owner, who holds `within`, can give: never more than he has."""
    owner = Principal("", Kind.USER, within)
    found: dict[str, Role] = {}
    for service, role in grants.items():
        held = owner.role(service)
        if held is not None:
            found[service] = min(role, held, key=lambda one: one.rank)
        if service == EVERYTHING:
            mine = {k: min(role, v, key=lambda one: one.rank) for k, v in within.items()}
            found = {**mine, **found}
    return found


def parse_grants(texts: Iterable[str]) -> dict[str, Role]:
    """Read grants as people write them: `operator`, or `operator@checkout` for one service."""
    found: dict[str, Role] = {}
    for text in texts:
        word, at, service = text.strip().partition("@")
        if word not in set(Role) or (at and not service):
            raise SpecError(
                f"'{text}' is no role", hint="write viewer, operator or admin, or operator@SERVICE"
            )
        found[service or EVERYTHING] = Role(word)
    return found


def format_grants(grants: Mapping[str, Role]) -> list[str]:
    """Return grants as `parse_grants` reads them, sorted."""
    return sorted(str(r) if s == EVERYTHING else f"{r}@{s}" for s, r in grants.items())
