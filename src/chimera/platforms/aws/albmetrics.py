"""A load balancer's own count of a version's requests: no agent, no sidecar."""

from __future__ import annotations

from chimera.platforms.aws import balancer
from chimera.platforms.aws.batch import Stream
from chimera.platforms.aws.cloudwatch import ArmStreams
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.places import Places

NAMESPACE = "AWS/ApplicationELB"
# A request that reached no target is in RequestCount, and is answered by the load balancer.
ERRORS = ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount")
BOUNDS_MS = (10, 25, 50, 100, 200, 300, 500, 1000, 2500, 5000)


class AlbMetrics:
    """The MetricMap of a load balancer: requests, errors and latency of a target group."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def period_s(self, site: Site) -> int:
        """Return how often a load balancer publishes."""
        return round(balancer.options(site).period.total_seconds())

    async def streams(self, site: Site, version: Version) -> ArmStreams:
        """Return the streams of a version's target group."""
        place = await self._places.of(site)
        dimensions = (
            ("TargetGroup", version.backend.rpartition(":")[2]),
            ("LoadBalancer", balancer.load_balancer_of(place)),
        )

        def stream(metric: str, stat: str = "Sum") -> Stream:
            return Stream(NAMESPACE, metric, dimensions, stat)

        latency = "TargetResponseTime"
        return ArmStreams(
            requests=(stream("RequestCount"),),
            errors=tuple(map(stream, ERRORS)),
            buckets=tuple(
                (float(bound), stream(latency, f"TC(:{bound / 1000:g})")) for bound in BOUNDS_MS
            ),
            timed=stream(latency, "SampleCount"),
        )
