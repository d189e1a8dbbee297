"""Envoy's own count of a version's requests, as the CloudWatch agent publishes it."""

from __future__ import annotations

from chimera.platforms.aws.batch import Stream
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.mesh import options, read_route
from chimera.platforms.aws.streams import ArmStreams

METRIC = "envoy_http_downstream_rq_xx"
CLASSES = ("2", "3", "4", "5")
GRPC = (
    "its route is one of gRPC, where a failed call is answered with HTTP 200: Envoy's classes of "
    "answers do not count it as failed"
)


class EnvoyMetrics:
    """The MetricMap of App Mesh: the ingress listener's answers by class."""

    def period_s(self, site: Site) -> int:
        """Return how often the agent publishes."""
        return round(options(site).period.total_seconds())

    async def streams(self, site: Site, version: Version) -> ArmStreams:
        """Return one stream per class; the dimensions keep the order in which they are declared."""
        streams = tuple(
            Stream(
                options(site).namespace,
                METRIC,
                (
                    ("ClusterName", site.cluster),
                    ("TaskDefinitionFamily", version.family),
                    ("envoy_http_conn_manager_prefix", "ingress"),
                    ("envoy_response_code_class", each),
                ),
            )
            for each in CLASSES
        )
        return ArmStreams(requests=streams, errors=streams[-1:])

    async def uncounted(self, site: Site, version: Version) -> str:  # noqa: ARG002
        """Say why failures are not counted: of gRPC."""
        return GRPC if (await read_route(site)).spec.get("grpcRoute") else ""
