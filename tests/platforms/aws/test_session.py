"""Calls are tried again when that is safe, and never cut off half-way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.support.aws import CLUSTER
from tests.support.eventually import eventually

from chimera.core.errors import ProviderDenied, ProviderRefused, ProviderUnavailable
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.session import Account, Accounts
from chimera.ports.urgency import urgent
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule


@pytest.fixture
async def accounts(box: Sandbox) -> AsyncIterator[Accounts]:
    found = Accounts()
    yield found
    found.close()


@pytest.fixture
async def account(accounts: Accounts, box: Sandbox) -> Account:
    box.session().client("ecs").create_cluster(clusterName=CLUSTER)
    return await accounts.open(Identity(), "ecs")


def heard(accounts: Accounts) -> Counter[str]:
    calls: Counter[str] = Counter()

    def hook(service: str, operation: str, moment: str) -> None:
        calls[f"{service} {operation} {moment}"] += 1

    accounts.hooks.append(hook)
    return calls


async def test_a_throttled_write_is_sent_again(
    box: Sandbox, accounts: Accounts, account: Account
) -> None:
    calls = heard(accounts)
    box.faults.set([Rule(fault="throttle", service="ecs", action="CreateCluster", times=2)])
    await account.call(account.ecs.create_cluster, clusterName=CLUSTER)
    assert calls["ecs CreateCluster sent"] == 3


@pytest.mark.parametrize(("fault", "sent"), [("error", 2), ("lost-reply", 2)])
async def test_a_read_without_an_answer_is_sent_again(
    box: Sandbox, accounts: Accounts, account: Account, fault: str, sent: int
) -> None:
    calls = heard(accounts)
    box.faults.set([Rule(fault=fault, service="ecs", action="ListClusters", times=1)])  # type: ignore[arg-type]
    await account.call(account.ecs.list_clusters)
    assert calls["ecs ListClusters sent"] == sent


@pytest.mark.parametrize("fault", ["error", "lost-reply"])
async def test_a_write_without_an_answer_is_left_to_who_can_look(
    box: Sandbox, accounts: Accounts, account: Account, fault: str
) -> None:
    calls = heard(accounts)
    box.faults.set([Rule(fault=fault, service="ecs", action="CreateCluster", times=1)])  # type: ignore[arg-type]
    with pytest.raises(ProviderUnavailable):
        await account.call(account.ecs.create_cluster, clusterName=CLUSTER)
    assert calls["ecs CreateCluster sent"] == 1


@pytest.mark.parametrize("fault", ["denied", "expired"])
async def test_a_denied_call_is_not_tried_again(
    box: Sandbox, accounts: Accounts, account: Account, fault: str
) -> None:
    calls = heard(accounts)
    box.faults.set([Rule(fault=fault, service="ecs", action="ListClusters")])  # type: ignore[arg-type]
    with pytest.raises(ProviderDenied) as refused:
        await account.call(account.ecs.list_clusters)
    assert refused.value.hint
    assert calls["ecs ListClusters sent"] == 1


async def test_an_urgent_call_is_more_persistent(box: Sandbox, account: Account) -> None:
    box.faults.set([Rule(fault="throttle", service="ecs", action="CreateCluster", times=9)])
    with urgent():
        await account.call(account.ecs.create_cluster, clusterName=CLUSTER)


async def test_a_cancelled_caller_waits_until_its_write_is_through(
    box: Sandbox, accounts: Accounts, account: Account
) -> None:
    calls = heard(accounts)
    rule = Rule(fault="latency", service="ecs", action="CreateCluster", seconds=0.5, times=1)
    box.faults.set([rule])
    call = asyncio.create_task(account.call(account.ecs.create_cluster, clusterName=CLUSTER))
    await eventually(lambda: calls["ecs CreateCluster sent"] > 0)
    begun = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert calls["ecs CreateCluster answered"] == 1
    assert time.monotonic() - begun > 0.2


async def test_what_boto_cannot_be_set_up_with_is_refused(box: Sandbox, accounts: Accounts) -> None:
    with pytest.raises(ProviderDenied, match="no-such-profile"):
        await accounts.open(Identity(profile="no-such-profile"), "ecs")
    found = await accounts.open(Identity(), "ecs")
    with pytest.raises(ProviderRefused):
        await found.call(found.ecs.describe_services, cluster="nowhere", services=["x"])
