"""The `chimera` command, and what `python -m chimera` does."""

import gc

# Before the modules are loaded, which makes half a million objects that stay: looking for garbage
# among them after every 700 takes a sixth of a command's start, and pauses a server that is busy.
gc.set_threshold(50_000, 20, 20)

from chimera.cli.main import run  # noqa: E402

if __name__ == "__main__":
    run()
