from tests.support.terminal import utc

__all__ = ["utc"]
