"""Who owns the data folder: the user that Chimera runs as."""

from __future__ import annotations

import getpass
import re


def owner_name() -> str:
    """Return the user's name as an account can have it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:100] or "owner"
