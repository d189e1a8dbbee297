"""Serving people: the API, the page and the guard before both, in one application and process."""

from chimera.serving.running import Role, serve_until_stopped

__all__ = ["Role", "serve_until_stopped"]
