"""Talking to a Chimera that runs elsewhere: the same operations, over its API."""

from chimera.remote.operations import RemoteChimera, open_remote

__all__ = ["RemoteChimera", "open_remote"]
