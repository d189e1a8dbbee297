"""Prometheus as a metric provider: instant queries over its HTTP interface."""
