"""A load balancer's own count of a version's requests: no agent, no sidecar."""

from __future__ import annotations

from chimera.platforms.aws import balancer
from chimera.platforms.aws.batch import Stream
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.places import Places
from chimera.platforms.aws.streams import ArmStreams

NAMESPACE = "AWS/ApplicationELB"
BOUNDS_MS = (10, 25, 50, 100, 200, 300, 500, 1000, 2500, 5000)
GRPC = (
    "its target group speaks gRPC, where a failed call is answered with HTTP 200: the load "
    "balancer does not count it as failed"
)


class AlbMetrics:
    """The MetricMap of a load balancer: requests, errors and latency of a target group.

    What the load balancer itself answers in a target's stead, 502 where that hangs up and 504 where
    it takes too long, is counted for no target group: it is in its RequestCount alone.
    """

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
        errors: tuple[Stream, ...] = (stream("HTTPCode_Target_5XX_Count"),)
        answered = tuple(stream(f"HTTPCode_Target_{digit}XX_Count") for digit in (2, 3, 4))
        if balancer.options(site).web_sockets:
            # Nothing counts an answer 101, so what has no answer cannot be told from it.
            errors, answered = (*errors, stream("TargetConnectionErrorCount")), ()
        return ArmStreams(
            requests=(stream("RequestCount"),),
            errors=errors,
            answered=answered,
            buckets=tuple(
                (float(bound), stream(latency, f"TC(:{bound / 1000:g})")) for bound in BOUNDS_MS
            ),
            timed=stream(latency, "SampleCount"),
        )

    async def uncounted(self, site: Site, version: Version) -> str:
        """Say why failures are not counted: of gRPC."""
        found = await balancer.find_group(site, arn=version.backend)
        return GRPC if found and found.get("ProtocolVersion") == "GRPC" else ""
