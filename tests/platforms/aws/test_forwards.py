"""The forward action as data: shares, and changes that touch nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.platforms.aws.forwards import (
    Group,
    Shares,
    alone,
    frame,
    groups,
    joined,
    replaced,
    sendable,
    shares,
    split,
    with_groups,
)

OIDC = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"ClientId": "me"}}
STICKY = {"Enabled": True, "DurationSeconds": 600}


def forward(*weights: tuple[str, int]) -> dict[str, object]:
    named = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    config = {"TargetGroups": named, "TargetGroupStickinessConfig": STICKY}
    return {"Type": "forward", "Order": 2, "ForwardConfig": config}


@pytest.mark.parametrize(
    ("found", "beside", "told"),
    [
        ([("a", 1)], {}, Shares("a")),
        ([("a", 0)], {}, Shares("a")),
        ([("a", 100), ("b", 0)], {}, Shares("a")),
        ([("a", 50), ("b", 50)], {}, Shares("", "", None)),
        ([("a", 0), ("b", 0)], {}, Shares("", "", None)),
        ([("a", 95), ("b", 5)], {"b": "a"}, Shares("a", "b", 5)),
        ([("b", 5), ("a", 95)], {"b": "a"}, Shares("a", "b", 5)),
        ([("a", 0), ("b", 100)], {"b": "a"}, Shares("a", "b", 100)),
        ([("a", 3), ("b", 1)], {"b": "a"}, Shares("a", "b", 25)),
        ([("a", 2), ("b", 1)], {"b": "a"}, Shares("a", "b", None)),
        ([("a", 90), ("b", 5), ("c", 5)], {"b": "a"}, Shares("a", "b", None)),
        ([("a", 95), ("b", 5), ("c", 0)], {"b": "a"}, Shares("a", "b", 5)),
        ([("b", 100)], {"b": "a"}, Shares("b")),
        ([("a", 90), ("b", 5), ("c", 5)], {"b": "a", "c": "a"}, Shares("a", "b", None)),
    ],
)
def test_stable_and_canary_are_told_apart_by_tags_not_by_order(
    found: list[tuple[str, int]], beside: dict[str, str], told: Shares
) -> None:
    assert shares([Group(*one) for one in found], beside) == told


@given(st.integers(0, 100), st.permutations(["a", "b", "c", "d"]))
def test_what_is_split_is_read_back_in_any_order(weight: int, order: list[str]) -> None:
    like = [Group(arn, 7) for arn in order]
    found = sorted(split("a", "b", weight, like), key=lambda group: order.index(group.arn))
    assert shares(found, {"b": "a"}) == Shares("a", "b", weight)
    assert {group.arn for group in found} == set(order)


def test_other_actions_and_stickiness_are_untouched() -> None:
    actions = [OIDC, forward(("a", 100))]
    changed = with_groups(actions, split("a", "b", 5, groups(actions)))
    assert changed[0] == OIDC
    assert changed[1] == forward(("a", 95), ("b", 5))
    assert frame(changed) == frame(actions)
    assert with_groups(changed, groups(actions)) == actions
    assert frame([OIDC, {**forward(("a", 1)), "ForwardConfig": {}}]) != frame(actions)


def test_a_plain_forward_comes_back_as_it_was() -> None:
    plain = [{"Type": "forward", "TargetGroupArn": "a"}]
    assert groups(plain) == (Group("a", 1),)
    both = with_groups(plain, split("a", "b", 5, groups(plain)))
    assert "TargetGroupArn" not in both[0]
    assert frame(both) == frame(plain)
    assert replaced(plain, "a", "b") == [{"Type": "forward", "TargetGroupArn": "b"}]


def test_the_secret_that_aws_does_not_tell_is_kept() -> None:
    (sent, _) = sendable([OIDC, forward(("a", 1))])
    assert sent["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True
    assert "UseExistingClientSecret" not in OIDC["AuthenticateOidcConfig"]  # type: ignore[operator]


def test_one_group_alone_leaves_the_idle_ones_idle() -> None:
    like = [Group("a", 0), Group("b", 100), Group("c", 0)]
    assert alone("b", like, ["a"]) == (Group("b", 100), Group("c", 0))


@pytest.mark.parametrize("canary", [0, 30, 100])
def test_what_the_canary_had_goes_back_to_stable(canary: int) -> None:
    found = [Group("a", 100 - canary), Group("b", canary), Group("idle", 0)]
    assert joined(found, "a", "b") == [Group("a", 100), Group("b", 0), Group("idle", 0)]
