"""The hash chain: each row names the hash of the one before it, so no row can change unnoticed.

A rollout has two chains, one of events and one of looks; both start at the hash of its definition,
and looks can so be pruned without touching the events. The journal is a chain of its own over all
rollouts: it holds each one's opening and its heads when it closed. A row's place is not hashed but
follows from the chain, so that a moved row is told from an edited one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

START = ""

ROLLOUT = ("id", "service", "opened_at", "definition")
EVENT = ("rollout", "at", "kind", "sentence", "event", "state")
LOOK = (
    "rollout",
    "generation",
    "number",
    "step",
    "at",
    "verdict",
    "query",
    "look",
    "reading",
    "judgement",
    "replaces",
)
JOURNAL = ("at", "kind", "rollout", "events", "events_head", "looks", "looks_head", "note")
TRAIL = ("at", "who", "action", "target", "source", "outcome", "detail")


def link(prev_hash: str, row: Mapping[str, object], fields: tuple[str, ...]) -> str:
    """Return the hash of a row that follows `prev_hash`: SHA-256 in hex over canonical JSON."""
    content = {name: row[name] for name in fields}
    text = json.dumps([prev_hash, content], sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()
