"""The rules that compete: one file each, named in `catalog`."""
