"""A platform without infrastructure: simulated services and traffic inside this process."""

from chimera.platforms.memory.inventory import MemoryInventory
from chimera.platforms.memory.options import MemoryTarget
from chimera.platforms.memory.platform import MemoryPlatform

__all__ = ["MemoryInventory", "MemoryPlatform", "MemoryTarget"]
