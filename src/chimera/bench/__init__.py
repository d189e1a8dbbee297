"""Measuring what Chimera promises: decisions, latencies and scale."""
