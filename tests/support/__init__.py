"""Helpers that several test rooms share: real upstreams and real load."""
