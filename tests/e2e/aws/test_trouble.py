"""What nobody planned, on AWS: numbers that do not come, somebody else's hands, and throttling."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tests.support.cloud_house import ALB, MESH, CloudHouse, traffic

from chimera.app.reports import RolloutView
from chimera.core.state import Phase
from chimera.sandbox.faults import Rule

MESH_CASE = pytest.param(MESH, marks=pytest.mark.xdist_group("aws-mesh"))
ALB_CASE = pytest.param(ALB, marks=pytest.mark.xdist_group("aws-alb"))
pytestmark = pytest.mark.timeout(600)
# Of a rollback while AWS throttles, on a busy machine.
BACK_WITHIN_S = 40.0


@pytest.mark.parametrize("house", [MESH_CASE], indirect=True)
async def test_without_numbers_it_holds_then_pauses_and_goes_on_when_they_come(
    house: CloudHouse,
) -> None:
    await house.init(analysis={"noDataDeadline": "15s"})
    route = house.route()
    house.box.faults.set([Rule(fault="agent-absent")])
    async with traffic(house):
        await house.release("2", "--detach")
        await house.bakes(20, house.service)
        held = await house.holds(20, house.service)
        assert held.state.phase is Phase.PAUSED
        lines = await house.lines(house.service)
        assert "not enough is known" in lines[-1].sentence
        assert max(line.weight for line in lines) == 20

        # Far later than three minutes of AWS, which are three seconds here.
        house.box.faults.set([Rule(fault="agent-late", seconds=30)])
        await house.run("resume", house.service)
        await house.bakes(20, house.service)
        held = await house.holds(20, house.service)
        assert max(line.weight for line in await house.lines(house.service)) == 20

        house.box.faults.set([])
        await _goes_on(house, 50)
        await house.run("abort", house.service, "--yes")
        await house.reach(Phase.ABORTED, ref=house.service)
    assert house.route() == route
    assert await house.leaks() == []


async def _goes_on(house: CloudHouse, weight: int) -> None:
    """Resume until a canary gets this weight: a busy machine's numbers may take long to return."""

    def further(view: RolloutView) -> bool:
        return view.state.weight == weight or view.state.phase is Phase.PAUSED

    for _ in range(10):
        await house.run("resume", house.service)
        await house.until(lambda view: view.state.phase is not Phase.PAUSED, house.service)
        view = await house.until(further, house.service, within_s=400)
        if view.state.weight == weight:
            await house.bakes(weight, house.service)
            return
    raise AssertionError(f"not further than 20 %: {view.state}")


@pytest.mark.parametrize("house", [MESH_CASE, ALB_CASE], indirect=True)
async def test_somebody_elses_edit_pauses_and_is_explained(house: CloudHouse) -> None:
    steps = [{"setWeight": 20, "bake": "2m"}, {"setWeight": 100, "bake": "1s"}]
    await house.init(steps=steps)
    route = house.route()
    async with traffic(house) as met:
        await house.release("2", "--detach")
        await house.bakes(20, house.service)
        await asyncio.to_thread(edit, house, 70)
        held = await house.reach(Phase.PAUSED, ref=house.service)
        said = (await house.lines(house.service))[-1].sentence
        assert "expected 80 % on 1 and 20 % on 2, found 30 % on 1 and 70 % on 2" in said, said
        status = await house.run("status", house.service)
        assert "somebody else changed the routes" in " ".join(status.out.split())
        # Half of all calls refused: nobody meets the canary for long, and all of it goes.
        house.box.faults.set([Rule(fault="throttle", probability=0.5)])
        began = time.time()
        await house.run("abort", house.service, "--yes", code=None)
        view = await house.reach(Phase.ABORTED, ref=held.rollout.id)
        house.box.faults.set([])
        assert max(at for at, version, _ in met.seen if version == "2") < began + BACK_WITHIN_S
    assert view.state.left == ()
    assert house.route() == route
    assert met.lost == met.errors == 0
    assert await house.leaks() == []


def edit(house: CloudHouse, percent: int) -> None:
    """Give the canary another weight, as a person at the console would."""
    session = house.box.session()
    if house.platform == MESH:
        mesh = session.client("appmesh")
        where = {
            "meshName": house.stack.mesh,
            "virtualRouterName": house.stack.virtual_router,
            "routeName": house.stack.route,
        }
        spec: Any = mesh.describe_route(**where)["route"]["spec"]
        first, second = spec["httpRoute"]["action"]["weightedTargets"]
        first["weight"], second["weight"] = 100 - percent, percent
        mesh.update_route(**where, spec=spec)
    else:
        elb = session.client("elbv2")
        (rule,) = elb.describe_rules(RuleArns=[house.stack.rule])["Rules"]
        (action,) = rule["Actions"]
        for group in action["ForwardConfig"]["TargetGroups"]:
            if group["Weight"]:
                stable = group["TargetGroupArn"] == house.stack.target_group
                group["Weight"] = 100 - percent if stable else percent
        elb.modify_rule(RuleArn=house.stack.rule, Actions=[action])
