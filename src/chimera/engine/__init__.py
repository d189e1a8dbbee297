"""Durable execution on Temporal: every rollout outlives the process that drives it."""
