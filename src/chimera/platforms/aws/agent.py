"""The CloudWatch agent of a cluster as AWS wants it described: its names and documents. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from chimera.platforms.aws.meshmetrics import METRIC

Json = dict[str, Any]
PORT = 9901
CONTAINER = "cloudwatch-agent"
# The tag of everything that the setup makes: the cluster that it was made for.
TAG = "chimera:setup"
METRICS_POLICY = "policy/CloudWatchAgentServerPolicy"
EXECUTION_POLICY = "policy/service-role/AmazonECSTaskExecutionRolePolicy"
INLINE = "chimera-discovery"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
_ROLE_NAME = 64


@dataclass(frozen=True, slots=True)
class Agent:
    """One cluster's agent. partition: of AWS, such as "aws" or "aws-cn"."""

    cluster: str
    region: str
    account: str
    partition: str = "aws"
    namespace: str = "ECS/ContainerInsights/Prometheus"
    image: str = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"

    @property
    def name(self) -> str:
        """The name of its security group, task definition and ECS service."""
        return agent_name(self.cluster)

    @property
    def task_role(self) -> str:
        """The name of the role by which it reads ECS and publishes."""
        return self._role("task")

    @property
    def execution_role(self) -> str:
        """The name of the role by which ECS starts it."""
        return self._role("execution")

    def role_arn(self, name: str) -> str:
        """Return a role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    def managed(self, policy: str) -> str:
        """Return the ARN of one of AWS's own policies."""
        return f"arn:{self.partition}:iam::aws:{policy}"

    def inline_policy(self) -> Json:
        """Return what it may ask of ECS and EC2 to find the tasks: this cluster's alone."""
        place = f"arn:{self.partition}:ecs:{self.region}:{self.account}"
        cluster = f"{place}:cluster/{self.cluster}"
        here = {"ArnEquals": {"ecs:cluster": cluster}}
        anywhere = ["ecs:DescribeTaskDefinition", "ec2:DescribeInstances"]
        inside = [
            "ecs:DescribeTasks",
            "ecs:ListTasks",
            "ecs:DescribeServices",
            "ecs:ListServices",
            "ecs:DescribeContainerInstances",
        ]
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": inside, "Resource": "*", "Condition": here},
                # These two know no resource to limit them to.
                {"Effect": "Allow", "Action": anywhere, "Resource": "*"},
            ],
        }

    def cloudwatch_config(self) -> Json:
        """Return CW_CONFIG_CONTENT: which tasks it finds, and what it publishes of them."""
        discovery = {
            "sd_frequency": "1m",
            "sd_result_file": "/tmp/cwagent_ecs_auto_sd.yaml",  # noqa: S108 - in its container
            "sd_target_cluster": self.cluster,
            "sd_cluster_region": self.region,
            "docker_label": {},
        }
        dimensions = [
            "ClusterName",
            "TaskDefinitionFamily",
            "envoy_http_conn_manager_prefix",
            "envoy_response_code_class",
        ]
        # Whatever a container is called: none but an Envoy has this metric.
        declaration = {
            "source_labels": ["container_name"],
            "label_matcher": ".+",
            "dimensions": [dimensions],
            "metric_selectors": [f"^{METRIC}$"],
        }
        prometheus = {
            "prometheus_config_path": "env:PROMETHEUS_CONFIG_CONTENT",
            "ecs_service_discovery": discovery,
            "emf_processor": {
                "metric_namespace": self.namespace,
                "metric_declaration": [declaration],
            },
        }
        return {
            "logs": {
                "metrics_collected": {"prometheus": prometheus},
                "force_flush_interval": 5,
            }
        }

    def prometheus_config(self) -> Json:
        """Return PROMETHEUS_CONFIG_CONTENT, which is YAML, and so may be JSON."""
        files = {"files": ["/tmp/cwagent_ecs_auto_sd.yaml"]}  # noqa: S108
        job = {"job_name": "chimera", "sample_limit": 10_000, "file_sd_configs": [files]}
        return {
            "global": {"scrape_interval": "1m", "scrape_timeout": "10s"},
            "scrape_configs": [job],
        }

    def definition(self) -> Json:
        """Return the request for its task definition."""
        contents = {
            "PROMETHEUS_CONFIG_CONTENT": self.prometheus_config(),
            "CW_CONFIG_CONTENT": self.cloudwatch_config(),
        }
        environment = [
            {"name": name, "value": json.dumps(value, sort_keys=True)}
            for name, value in contents.items()
        ]
        container = {
            "name": CONTAINER,
            "image": self.image,
            "essential": True,
            "environment": environment,
        }
        return {
            "family": self.name,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": self.role_arn(self.task_role),
            "executionRoleArn": self.role_arn(self.execution_role),
            "containerDefinitions": [container],
            "tags": [{"key": TAG, "value": self.cluster}],
        }

    def defined_alike(self, found: Json) -> bool:
        """Whether a task definition that exists says the same."""
        wanted = self.definition()
        (one,) = wanted["containerDefinitions"]
        containers = found.get("containerDefinitions") or [{}]

        def environment(container: Json) -> dict[str, str]:
            return {e["name"]: e["value"] for e in container.get("environment") or ()}

        return (
            containers[0].get("image") == one["image"]
            and environment(containers[0]) == environment(one)
            and found.get("taskRoleArn") == wanted["taskRoleArn"]
            and found.get("executionRoleArn") == wanted["executionRoleArn"]
        )

    def _role(self, kind: str) -> str:
        name = f"chimera-agent-{kind}-{self.region}-{self.cluster}"
        if len(name) <= _ROLE_NAME:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:6]
        return f"{name[: _ROLE_NAME - 7]}-{digest}"


def agent_name(cluster: str) -> str:
    """Return the name that a cluster's agent has."""
    return f"chimera-agent-{cluster}"


def namespace_of(definition: Json) -> str:
    """Return the CloudWatch namespace that a CloudWatch agent's task publishes to, "" for others.

    Any agent that publishes Envoy's metrics counts, whoever made it.
    """
    for container in definition.get("containerDefinitions") or ():
        for variable in container.get("environment") or ():
            if variable.get("name") != "CW_CONFIG_CONTENT":
                continue
            try:
                config = json.loads(str(variable.get("value", "")))
                prometheus = config["logs"]["metrics_collected"]["prometheus"]
                return str(prometheus["emf_processor"]["metric_namespace"])
            except (ValueError, KeyError, TypeError):
                return ""
    return ""
