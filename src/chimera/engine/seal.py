"""Sealing what travels through the embedded server, whose port every user of the machine can reach.

A worker carries out commands as its own user, so it believes only who can read the data folder's
key. The seal holds for one workflow: what was overheard cannot be played again to another one. It
hides nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

log = logging.getLogger(__name__)

_SEAL = "chimera-seal"
_NOTHING = Payload(metadata={"encoding": b"json/plain"}, data=b"null")


def make_key(file: Path) -> None:
    """Write a new key that only its owner can read; one that is there stays."""
    with suppress(FileExistsError), open(file, "xb", opener=_private) as key:
        key.write(os.urandom(32))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Seal(PayloadCodec, WithSerializationContext):
    """Adds a seal to each payload; what comes without a good one is read as null.

    Not an error: that would hold up the rollout that somebody sent a forged signal to.
    """

    def __init__(self, key: bytes, workflow: str = "") -> None:
        self._key = key
        self._workflow = workflow

    def with_context(self, context: SerializationContext) -> Self:
        """Return the seal for what belongs to one workflow."""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return type(self)(self._key, context.workflow_id or "")
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads sealed."""
        return [
            Payload(metadata={**one.metadata, _SEAL: self._of(one)}, data=one.data)
            for one in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were, null for one with no seal or another's."""
        return [self._opened(one) for one in payloads]

    def _opened(self, payload: Payload) -> Payload:
        plain = {name: value for name, value in payload.metadata.items() if name != _SEAL}
        bare = Payload(metadata=plain, data=payload.data)
        if hmac.compare_digest(payload.metadata.get(_SEAL, b""), self._of(bare)):
            return bare
        log.error("engine.forged", extra={"workflow": self._workflow})
        return _NOTHING

    def _of(self, payload: Payload) -> bytes:
        parts = [self._workflow.encode(), payload.data]
        parts += [
            part
            for name in sorted(payload.metadata)
            for part in (name.encode(), payload.metadata[name])
        ]
        sealed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, sealed, hashlib.sha256)
