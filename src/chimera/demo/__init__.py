"""The demonstration: a practice service in three versions, real load, and the story around them."""

from chimera.demo.main import run_demo

__all__ = ["run_demo"]
