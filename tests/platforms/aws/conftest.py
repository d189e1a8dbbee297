"""A practice range for all tests of a process, and boto3 pointed at it."""

from collections.abc import Iterator

import pytest
from tests.support.aws import configured, no_box_left, outside, shared_box, stop_box

from chimera.sandbox import Sandbox

__all__ = ["no_box_left"]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the range after the last test here."""
    if outside(nextitem, "platforms/aws"):
        stop_box()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """The range, without faults."""
    found = shared_box()
    found.faults.set([])
    with configured(found):
        yield found
    found.faults.set([])
