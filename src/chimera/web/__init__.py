"""The page: what a browser shows of Chimera and asks of it. Rendered here, on the server."""

from chimera.web.routes import install, router, running

__all__ = ["install", "router", "running"]
