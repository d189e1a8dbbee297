"""Canary deployments for containerized services, without Kubernetes."""

__version__ = "0.1.0.dev0"
