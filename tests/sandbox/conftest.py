"""One practice range for all tests of this folder that a worker runs; each uses its own names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from tests.support.aws import no_box_left, shared_box

from chimera.sandbox import Sandbox

__all__ = ["no_box_left"]


@pytest.fixture(scope="session")
def box() -> Sandbox:
    return shared_box()


@pytest.fixture(scope="session")
def client(box: Sandbox) -> Callable[..., Any]:
    session = box.session()
    made: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in made:
            made[name] = session.client(name)
        return made[name]

    return get


_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"test{next(_numbers)}"


@pytest.fixture
def no_faults(box: Sandbox) -> Iterator[None]:
    yield
    box.faults.set([])
