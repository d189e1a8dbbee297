"""What is made to go wrong goes wrong as it would on AWS, and as often as asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.support.aws_errors import refused
from tests.support.waiting import wait_until

from chimera.core.errors import SpecError
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Faults, Rule, read_rule_file, read_rules

ONCE = Config(retries={"total_max_attempts": 1})
APP = {
    "name": "app",
    "image": "logo:1",
    "memory": 128,
    "portMappings": [{"containerPort": 8080}],
}


@pytest.fixture
def once(box: Sandbox) -> Iterator[Any]:
    """Clients that try once only; the faults end with the test."""
    session = box.session()
    yield lambda name: session.client(name, config=ONCE)
    box.faults.set([])


@pytest.mark.parametrize(
    ("service", "action", "call", "code"),
    [
        ("ecs", "ListClusters", "list_clusters", "ThrottlingException"),
        ("appmesh", "ListMeshes", "list_meshes", "TooManyRequestsException"),
        ("elbv2", "DescribeLoadBalancers", "describe_load_balancers", "Throttling"),
        ("ec2", "DescribeVpcs", "describe_vpcs", "RequestLimitExceeded"),
        ("servicediscovery", "ListServices", "list_services", "ThrottlingException"),
    ],
)
def test_throttling_has_each_services_own_code(
    box: Sandbox, once: Any, service: str, action: str, call: str, code: str
) -> None:
    box.faults.set([Rule(fault="throttle", service=service, action=action)])
    with refused(code):
        getattr(once(service), call)()


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ecs", "list_clusters", "AccessDeniedException"),
        ("elbv2", "describe_load_balancers", "AccessDenied"),
        ("ec2", "describe_vpcs", "UnauthorizedOperation"),
    ],
)
def test_a_denied_action_is_named(
    box: Sandbox, once: Any, service: str, call: str, code: str
) -> None:
    box.faults.set([Rule(fault="denied", service=service)])
    with refused(code, "is not authorized to perform: "):
        getattr(once(service), call)()


def test_expired_credentials_are_refused_everywhere(box: Sandbox, once: Any) -> None:
    box.faults.set([Rule(fault="expired")])
    with refused("ExpiredToken"):
        once("sts").get_caller_identity()
    with refused("ExpiredTokenException"):
        once("ecs").list_clusters()


def test_a_lost_reply_is_lost_after_the_write_was_done(box: Sandbox, once: Any, name: str) -> None:
    box.faults.set([Rule(fault="lost-reply", service="ecs", action="CreateCluster", times=1)])
    with pytest.raises(ConnectionClosedError):
        once("ecs").create_cluster(clusterName=name)
    found = once("ecs").describe_clusters(clusters=[name])["clusters"]
    assert [one["clusterName"] for one in found] == [name]
    assert box.calls.last()[-2].outcome == "lost"


def test_a_retried_write_whose_reply_was_lost_succeeds(
    box: Sandbox, client: Any, name: str, no_faults: None
) -> None:
    box.faults.set([Rule(fault="lost-reply", service="appmesh", action="CreateMesh", times=1)])
    created = client("appmesh").create_mesh(meshName=name)
    assert created["mesh"]["meshName"] == name


def test_stale_reads_see_what_was_before_the_write(
    box: Sandbox, client: Any, name: str, no_faults: None
) -> None:
    box.faults.set([Rule(fault="stale", service="ecs", action="DescribeClusters", seconds=0.5)])
    client("ecs").create_cluster(clusterName=name)
    assert client("ecs").describe_clusters(clusters=[name])["clusters"] == []
    wait_until(lambda: client("ecs").describe_clusters(clusters=[name])["clusters"])


def test_latency_delays_the_answer(box: Sandbox, once: Any) -> None:
    box.faults.set([Rule(fault="latency", service="ecs", seconds=0.4)])
    began = time.monotonic()
    once("ecs").list_clusters()
    assert time.monotonic() - began >= 0.4


def test_only_the_nth_call_fails(box: Sandbox, once: Any) -> None:
    box.faults.set([Rule(fault="error", service="ecs", action="List*", nth=2, status=500)])
    ecs = once("ecs")
    ecs.list_clusters()
    with pytest.raises(ClientError) as caught:
        ecs.list_task_definitions()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    ecs.list_clusters()


def test_a_probability_strikes_its_share_and_the_same_calls_for_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.set([Rule(fault="throttle", probability=0.3)])
        return [bool(faults.strike_call("ecs", "ListClusters")) for _ in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 240 <= sum(struck(1)) <= 360


def test_rules_come_and_go_over_http(box: Sandbox, once: Any) -> None:
    url = f"{box.endpoint}/_chimera/faults"
    with httpx.Client(trust_env=False) as http:
        rule = {"fault": "throttle", "service": "ecs"}
        assert http.put(url, content=json.dumps([rule])).json() == [rule]
        with refused("ThrottlingException"):
            once("ecs").list_clusters()
        assert http.delete(url).json() == []
        once("ecs").list_clusters()
        wrong = http.post(url, content='{"fault": "explode"}')
        assert (wrong.status_code, "fault" in wrong.json()["problems"][0]) == (400, True)
        assert http.post(url, content="{]").status_code == 400
        assert http.get(f"{box.endpoint}/_chimera/nothing").status_code == 404


def test_the_call_log_counts_by_action(box: Sandbox, once: Any) -> None:
    with httpx.Client(trust_env=False) as http:
        http.delete(f"{box.endpoint}/_chimera/calls")
        for _ in range(3):
            once("ecs").list_clusters()
        assert http.get(f"{box.endpoint}/_chimera/calls").json()["counts"]["ecs:ListClusters"] == 3


@pytest.mark.parametrize(
    "text",
    ["fault: explode", "- {fault: throttle, nth: 0}", "[1]", "fault: throttle\nnope: 1", "{"],
)
def test_a_wrong_rule_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError):
        read_rule_file(file)


def test_a_missing_rule_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read_rule_file(tmp_path / "none.yaml")


def test_one_rule_may_stand_alone() -> None:
    assert read_rules({"fault": "throttle"}) == [Rule(fault="throttle")]


def _service(client: Any, name: str, app: Any, **more: Any) -> Any:
    ecs = client("ecs")
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[app])
    ecs.create_service(cluster=name, serviceName="app", taskDefinition=name, desiredCount=1, **more)
    return ecs


def _event(ecs: Any, name: str, words: str) -> str:
    def told() -> str:
        (found,) = ecs.describe_services(cluster=name, services=["app"])["services"]
        events = [one["message"] for one in found["events"]]
        return next((one for one in events if words in one), "")

    return wait_until(told, within_s=90)


def _stopped(ecs: Any, name: str) -> Any:
    arns = ecs.list_tasks(cluster=name, desiredStatus="STOPPED")["taskArns"]
    return ecs.describe_tasks(cluster=name, tasks=arns[:1])["tasks"][0]


@pytest.mark.parametrize(
    "reason",
    [
        "RESOURCE:MEMORY",
        "ResourceInitializationError: unable to pull secrets or registry auth",
        "CannotPullContainerError: pull access denied",
    ],
)
def test_a_task_that_cannot_start_says_why(
    box: Sandbox, client: Any, name: str, no_faults: None, reason: str
) -> None:
    box.faults.set([Rule(fault="no-start", family=name, reason=reason)])
    ecs = _service(client, name, APP)
    assert "unable to place or start a task" in _event(ecs, name, reason)
    task = _stopped(ecs, name)
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
    ecs.delete_service(cluster=name, service="app", force=True)


def test_an_image_that_does_not_exist_cannot_be_pulled(
    box: Sandbox, client: Any, name: str
) -> None:
    image = f"{box.account}.dkr.ecr.eu-west-1.amazonaws.com/{name}:9"
    ecs = _service(client, name, {**APP, "image": image})
    assert "CannotPullContainerError" in _event(ecs, name, "repository does not exist")
    ecs.delete_service(cluster=name, service="app", force=True)


def test_a_failing_health_check_stops_the_task(
    box: Sandbox, client: Any, name: str, no_faults: None
) -> None:
    box.faults.set([Rule(fault="unhealthy", family=name)])
    check = {"command": ["CMD-SHELL", "curl -f http://localhost:8080/healthz"], "interval": 5}
    ecs = _service(client, name, {**APP, "healthCheck": check})
    assert _event(ecs, name, "Task failed container health checks")
    ecs.delete_service(cluster=name, service="app", force=True)


def test_the_circuit_breaker_fails_the_deployment(
    box: Sandbox, client: Any, name: str, no_faults: None
) -> None:
    box.faults.set([Rule(fault="no-start", family=name, reason="RESOURCE:CPU")])
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    ecs = _service(client, name, APP, deploymentConfiguration=breaker)
    assert _event(ecs, name, "deployment failed: tasks failed to start")
    (found,) = ecs.describe_services(cluster=name, services=["app"])["services"]
    assert found["deployments"][0]["rolloutState"] == "FAILED"
    ecs.delete_service(cluster=name, service="app", force=True)
