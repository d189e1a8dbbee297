"""Real load on a port: the load generator of the demo, which is part of the product."""

from chimera.demo.load import Load, Tally, burst

__all__ = ["Load", "Tally", "burst"]
