"""Serving people: the API, the page and the guard before both, in one application and process."""

from chimera.serving.application import build_app
from chimera.serving.running import Role, serve_until_stopped

__all__ = ["Role", "build_app", "serve_until_stopped"]
