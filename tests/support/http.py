"""The small HTTP client of the demo's load generator."""

from chimera.demo.http import BrokenResponse, Client, Response

__all__ = ["BrokenResponse", "Client", "Response"]
