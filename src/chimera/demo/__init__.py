"""The demonstration: a practice service in three versions, real load, and the story around them."""

from chimera.demo.main import run_demo
from chimera.demo.sending import run_load

__all__ = ["run_demo", "run_load"]
