"""One room per platform, each an implementation of some ports; `catalog` finds them by name."""
