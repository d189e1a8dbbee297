"""The API: `/api/v1`, its OpenAPI document, health, metrics. Problems are RFC 9457 documents."""

from chimera.api.problems import problem_of
from chimera.api.routes import routes

__all__ = ["problem_of", "routes"]
