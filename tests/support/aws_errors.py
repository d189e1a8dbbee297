"""Expect an AWS error by its code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code: str, says: str = "") -> Iterator[None]:
    """Expect the block to be refused with this code, and with these words in the message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert says in error["Message"]
