"""Roles and grants: what includes what, and that less is never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.core.access import (
    EVERYTHING,
    Kind,
    Principal,
    Role,
    format_grants,
    narrowed,
    parse_grants,
)
from chimera.core.errors import SpecError

GRANTS = st.dictionaries(st.sampled_from([EVERYTHING, "shop", "pay"]), st.sampled_from(list(Role)))
SERVICES = ["", "shop", "pay", "unknown"]


def of(grants: dict[str, Role]) -> Principal:
    return Principal("x", Kind.USER, grants)


def test_nothing_is_granted_by_default() -> None:
    nobody = of({})
    assert not any(nobody.may(role, service) for role in Role for service in SERVICES)
    assert not any(nobody.may_somewhere(role) for role in Role)


@pytest.mark.parametrize("held", Role)
@pytest.mark.parametrize("asked", Role)
def test_a_role_includes_those_below(held: Role, asked: Role) -> None:
    below = ["viewer", "operator", "admin"].index(asked) <= list(Role).index(held)
    assert of({EVERYTHING: held}).may(asked) is below
    assert of({EVERYTHING: held}).may(asked, "shop") is below
    assert of({"shop": held}).may(asked, "shop") is below
    assert of({"shop": held}).may_somewhere(asked) is below
    assert not of({"shop": held}).may(asked, "pay")
    assert not of({"shop": held}).may(asked)


def test_the_higher_of_two_grants_counts() -> None:
    both = of({EVERYTHING: Role.VIEWER, "shop": Role.OPERATOR})
    assert both.may(Role.OPERATOR, "shop")
    assert not both.may(Role.OPERATOR, "pay")


@given(GRANTS, GRANTS)
def test_what_is_narrowed_is_never_more_than_either(
    wanted: dict[str, Role], owned: dict[str, Role]
) -> None:
    result = of(narrowed(wanted, owned))
    for service in SERVICES:
        for role in Role:
            if result.may(role, service):
                assert of(wanted).may(role, service)
                assert of(owned).may(role, service)


@given(GRANTS)
def test_grants_are_read_as_they_are_written(grants: dict[str, Role]) -> None:
    assert parse_grants(format_grants(grants)) == grants


@pytest.mark.parametrize("text", ["", "root", "operator@", "@shop", "Admin"])
def test_what_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is no role"):
        parse_grants([text])
