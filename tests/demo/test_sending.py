"""`chimera demo --load`: it says when nobody answers, and which addresses cannot be."""

from __future__ import annotations

import pytest

from chimera.core.errors import ChimeraError, SpecError
from chimera.demo import sending
from chimera.platforms.local.spawn import free_port


def test_where_nobody_answers_the_load_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SILENCE", sending.SILENCE / 20)
    with pytest.raises(ChimeraError, match="nobody answers at") as error:
        sending.run_load(f"http://127.0.0.1:{free_port()}/", rate=20)
    assert "--keep" in error.value.hint


@pytest.mark.parametrize("url", ["127.0.0.1:80", "https://host/", "http://", "http://host:99999/"])
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(SpecError, match="cannot send requests"):
        sending.run_load(url)
