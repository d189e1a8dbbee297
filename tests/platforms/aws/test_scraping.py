"""Whether the agent can read an Envoy, by what its task definition and its security groups say."""

from __future__ import annotations

from typing import Any

import pytest

from chimera.core.model import Revision
from chimera.platforms.aws.agent import Agent
from chimera.platforms.aws.arms import Arm, Backend
from chimera.platforms.aws.presence import check_envoy
from chimera.platforms.aws.scraping import _opens, unlabelled, unmatched
from chimera.platforms.aws.sidecar import LABELS, adapt

Json = dict[str, Any]
AGENT = Agent("prod", "eu-west-1", "1" * 12)
OURS = [{"GroupId": "sg-agent"}]


def definition(name: str = "envoy", **labels: str) -> Json:
    variables = [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/web"}]
    envoy = {"name": name, "image": "proxy:1", "environment": variables, "dockerLabels": labels}
    return {"family": "web", "containerDefinitions": [{"name": "app", "image": "web:1"}, envoy]}


def named(matcher: str) -> Json:
    """Return the definition of an agent that wants its containers called so."""
    made = AGENT.definition()
    for variable in made["containerDefinitions"][0]["environment"]:
        variable["value"] = variable["value"].replace('".+"', f'"{matcher}"')
    return made


def test_what_an_envoy_lacks_is_named_and_what_chimera_makes_lacks_nothing() -> None:
    bare = definition("proxy")
    said = unlabelled(bare)
    assert "container 'proxy'" in said
    assert all(f"{key}={value}" in said for key, value in LABELS.items())
    assert "METRICS_PATH" not in unlabelled(definition(ECS_PROMETHEUS_METRICS_PATH="/metrics"))
    adapt(bare, node_arn="mesh/shop/virtualNode/web-v2", image="", ports=[])
    assert unlabelled(bare) == ""
    alone = {"containerDefinitions": [{"name": "app", "image": "web:1"}]}
    assert "no Envoy" in unlabelled(alone)


def test_the_agent_takes_an_envoy_of_any_name_and_an_older_one_is_told() -> None:
    assert unmatched(AGENT.definition(), definition("proxy")) == ""
    assert unmatched(named("^envoy$"), definition("envoy")) == ""
    assert "the Envoy is 'proxy'" in unmatched(named("^envoy$"), definition("proxy"))
    assert unmatched({"containerDefinitions": [{"name": "agent"}]}, definition("proxy")) == ""


def test_the_doctor_says_what_to_add() -> None:
    backend, revision = Backend("web"), Revision("1")
    found = check_envoy(Arm(revision, backend, {}, definition(), "app"))
    assert found is not None
    assert not found.ok
    assert '"ECS_PROMETHEUS_EXPORTER_PORT": "9901"' in found.fix
    assert check_envoy(Arm(revision, backend, {}, definition(**LABELS), "app")) is None


@pytest.mark.parametrize(
    ("rule", "opens"),
    [
        ({"IpProtocol": "tcp", "FromPort": 9901, "ToPort": 9901, "UserIdGroupPairs": OURS}, True),
        ({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "UserIdGroupPairs": OURS}, True),
        ({"IpProtocol": "-1", "UserIdGroupPairs": OURS}, True),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, True),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": OURS}, False),
        ({"IpProtocol": "udp", "FromPort": 9901, "ToPort": 9901, "UserIdGroupPairs": OURS}, False),
        ({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-else"}]}, False),
    ],
)
def test_a_port_is_open_to_the_agents_group_or_not(rule: Json, opens: bool) -> None:
    assert _opens(rule, ["sg-agent"]) is opens
