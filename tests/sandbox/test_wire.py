"""Every protocol that some client speaks is understood and answered alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.exceptions import ClientError

from chimera.sandbox import Sandbox

MODELS = ("smithy-rpc-v2-cbor", "json", "query")


@pytest.fixture(params=MODELS)
def cloudwatch(box: Sandbox, request: Any) -> Any:
    """A CloudWatch client that speaks one protocol, as clients of other ages do."""
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    original = loader.load_service_model

    def narrowed(service: str, kind: str, api_version: Any = None) -> Any:
        model = original(service, kind, api_version)
        if service == "cloudwatch" and kind == "service-2":
            metadata = {**model["metadata"], "protocols": [request.param]}
            metadata["protocol"] = request.param
            return {**model, "metadata": metadata}
        return model

    loader.load_service_model = narrowed
    return session.create_client(
        "cloudwatch",
        region_name=box.options.region,
        endpoint_url=box.endpoint,
        aws_access_key_id="practice",
        aws_secret_access_key="practice",
    )


def test_what_was_published_is_read_back(cloudwatch: Any, name: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    metric = {"Namespace": name, "MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}]}
    datum = {"MetricName": "m", "Dimensions": metric["Dimensions"], "Value": 2.5, "Timestamp": at}
    cloudwatch.put_metric_data(Namespace=name, MetricData=[datum])
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    (found,) = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=at, EndTime=datetime(2026, 1, 2, tzinfo=UTC)
    )["MetricDataResults"]
    assert (found["Timestamps"], found["Values"]) == ([at], [2.5])


def test_errors_keep_their_code_and_words(cloudwatch: Any) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ClientError) as caught:
        cloudwatch.get_metric_data(MetricDataQueries=[], StartTime=at, EndTime=at)
    error = caught.value.response["Error"]
    assert error["Code"] in {"ValidationError", "ValidationException"}
    assert "EndTime" in error["Message"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", {"x-amz-target": "X.Nothing"}, b"{}"),
        ("POST", "/", {"x-amz-target": "X.CreateService"}, b"not json"),
        ("POST", "/service/X/operation/GetMetricData", {}, b"\xff\xff"),
        ("GET", "/v20190125/nothing", {}, b""),
        ("POST", "/", {"content-type": "application/x-www-form-urlencoded"}, b"Action=Nothing"),
        ("GET", "/", {"authorization": "nonsense"}, b""),
    ],
)
@pytest.mark.parametrize("service", ["ecs", "appmesh", "monitoring", "elasticloadbalancing"])
def test_nonsense_gets_an_error_not_a_hang(
    box: Sandbox, service: str, method: str, path: str, headers: Any, body: bytes
) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/{service}/aws4_request, Signature=b"
    with httpx.Client(trust_env=False) as http:
        answer = http.request(
            method,
            f"{box.endpoint}{path}",
            headers={"authorization": scope, **headers},
            content=body,
        )
    assert answer.status_code >= 400
