"""Let `python -m chimera` do what the `chimera` command does."""

from chimera.cli.main import run

if __name__ == "__main__":
    run()
