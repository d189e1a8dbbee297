"""A range's own loopback addresses, 127.77.x.y, so that real ports never clash."""

from __future__ import annotations

import random
import socket

from chimera.core.errors import ProviderRefused


class Block:
    """A free 127.77.x.0/24, held as long as this object, or its process, lives."""

    def __init__(self) -> None:
        numbers = list(range(1, 255))
        random.shuffle(numbers)  # ranges that start together rarely try the same one
        for number in numbers:
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                # Abstract names are as private as loopback itself: one per network namespace.
                lock.bind(f"\0chimera-sandbox-127.77.{number}")
            except OSError:
                lock.close()
                continue
            self._lock, self._number = lock, number
            self._used = {0, 255}
            return
        raise ProviderRefused("sandbox", "find addresses", "254 ranges run already")

    def take(self) -> str:
        """Return an address that nobody in this range has. Raises ProviderRefused."""
        for last in range(1, 255):
            if last not in self._used:
                self._used.add(last)
                return f"127.77.{self._number}.{last}"
        raise ProviderRefused("sandbox", "find an address", "254 tasks and gateways run already")

    def give_back(self, address: str) -> None:
        """Free an address for others."""
        self._used.discard(int(address.rpartition(".")[2]))

    def close(self) -> None:
        """Let other ranges have the block."""
        self._lock.close()
