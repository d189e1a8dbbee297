"""Task definitions that ECS keeps are said, not taken for deleted."""

from __future__ import annotations

import secrets

import pytest

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws import definitions
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.session import Accounts
from chimera.sandbox import Sandbox


async def test_what_ecs_does_not_delete_is_named_with_its_reason(box: Sandbox) -> None:
    accounts, family = Accounts(), f"kept-{secrets.token_hex(3)}"
    account = await accounts.open(Identity(), "ecs")
    app = {"name": "app", "image": "logo:1", "memory": 128}
    ecs = box.session().client("ecs")
    ecs.register_task_definition(family=family, containerDefinitions=[app])
    with pytest.raises(ProviderRefused, match=rf"{family}:1 .* still in ACTIVE status"):
        await definitions.delete(account, [f"{family}:1"])
    ecs.deregister_task_definition(taskDefinition=f"{family}:1")
    for _ in range(2):  # gone is fine
        await definitions.delete(account, [f"{family}:1"])
    accounts.close()
