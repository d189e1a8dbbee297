"""Set up the metrics agent as its documentation says, by plain API calls."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from chimera.sandbox.seed import Stack

METRIC = "envoy_http_downstream_rq_xx"
DIMENSIONS = [
    "ClusterName",
    "TaskDefinitionFamily",
    "envoy_http_conn_manager_prefix",
    "envoy_response_code_class",
]


def start_agent(session: Any, stack: Stack, namespace: str) -> str:
    """Start an agent service for the stack's cluster; return the service's name."""
    declaration = {
        "source_labels": ["container_name"],
        "label_matcher": "^envoy$",
        "dimensions": [DIMENSIONS],
        "metric_selectors": [f"^{METRIC}$"],
    }
    discovery = {
        "sd_frequency": "1m",
        "sd_target_cluster": stack.cluster,
        "sd_cluster_region": stack.region,
        "sd_result_file": "/tmp/targets.yaml",
        "docker_label": {},
    }
    prometheus = {
        "prometheus_config_path": "env:PROMETHEUS_CONFIG_CONTENT",
        "ecs_service_discovery": discovery,
        "emf_processor": {
            "metric_namespace": namespace,
            "metric_declaration": [declaration],
        },
    }
    config = {"logs": {"metrics_collected": {"prometheus": prometheus}}}
    ecs = session.client("ecs")
    family = f"agent-{namespace}"
    ecs.register_task_definition(
        family=family,
        containerDefinitions=[
            {
                "name": "agent",
                "image": "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest",
                "memory": 256,
                "environment": [
                    {"name": "CW_CONFIG_CONTENT", "value": json.dumps(config)},
                    {
                        "name": "PROMETHEUS_CONFIG_CONTENT",
                        "value": "global:\n  scrape_interval: 1m",
                    },
                ],
            }
        ],
    )
    ecs.create_service(
        cluster=stack.cluster, serviceName=family, taskDefinition=family, desiredCount=1
    )
    return family


def query(
    stack: Stack, namespace: str, code: int, *, identity: str = "m", period: int = 1
) -> dict[str, Any]:
    """Ask for the sum of the requests of one class."""
    values = (stack.cluster, stack.family, "ingress", str(code))
    dimensions = [
        {"Name": name, "Value": value} for name, value in zip(DIMENSIONS, values, strict=True)
    ]
    metric = {"Namespace": namespace, "MetricName": METRIC, "Dimensions": dimensions}
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def total(cloudwatch: Any, asked: dict[str, Any], since: float) -> float:
    """Sum a query's values from `since` (Unix time) until now."""
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[asked],
        StartTime=datetime.fromtimestamp(since, UTC),
        EndTime=datetime.fromtimestamp(time.time() + 60, UTC),
    )
    return float(sum(answer["MetricDataResults"][0]["Values"]))
