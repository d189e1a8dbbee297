"""What the core needs from the outside world, as Protocols. The docstrings are the contract."""
