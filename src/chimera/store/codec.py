"""Values of the core into text and back. What is read is typed and checked, or a LedgerError."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from chimera.core.errors import LedgerError
from chimera.core.events import AnyEvent, Event
from chimera.core.model import Judgement, Look, Reading
from chimera.core.plan import Rollout
from chimera.core.state import State

_T = TypeVar("_T")


class Codec(Generic[_T]):
    """Turns one type into JSON text and back. Infinity and NaN survive."""

    def __init__(self, adapter: TypeAdapter[_T], what: str) -> None:
        self._adapter = adapter
        self._what = what

    def encode(self, value: _T) -> str:
        """Return `value` as JSON; LedgerError if it holds something that JSON cannot."""
        try:
            return pydantic_core.to_json(
                value, inf_nan_mode="strings", fallback=_plain_mapping
            ).decode()
        except (pydantic_core.PydanticSerializationError, TypeError, ValueError) as error:
            raise LedgerError(
                f"the {self._what} cannot be written down: {error}",
                hint="it may hold only text, numbers, lists and mappings",
            ) from error

    def decode(self, text: str) -> _T:
        """Return the value of JSON text; LedgerError if it is none."""
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise LedgerError(
                f"a stored {self._what} cannot be read: {first['msg']}",
                hint="run `chimera audit verify`; if it finds nothing, a newer Chimera wrote this",
            ) from error


def _plain_mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


ROLLOUT = Codec[Rollout](TypeAdapter(Rollout), "rollout")
STATE = Codec[State](TypeAdapter(State), "state")
EVENT = Codec[AnyEvent](TypeAdapter(Event), "event")
LOOK = Codec[Look](TypeAdapter(Look), "look")
READING = Codec[Reading](TypeAdapter(Reading), "reading")
JUDGEMENT = Codec[Judgement](TypeAdapter(Judgement), "judgement")
DETAIL = Codec[dict[str, Any]](TypeAdapter(dict[str, Any]), "resource's detail")


def moment(at: datetime) -> str:
    """Return aware time as UTC text of fixed width; LedgerError if it has no time zone."""
    if at.tzinfo is None:
        raise LedgerError(f"the time {at.isoformat()} has no time zone")
    plain = at.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="microseconds") + "Z"


def from_moment(text: str) -> datetime:
    """Return the time that `moment` wrote."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise LedgerError(
            f"a stored time cannot be read: {text!r}", hint="run `chimera audit verify`"
        ) from error


def clean(text: str) -> str:
    """Replace what not every database stores in text: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def name(text: str) -> str:
    """Return `text` if every database can store it as it is; LedgerError otherwise."""
    if clean(text) != text:
        raise LedgerError(f"{text!r} cannot be a name: it holds NUL or is no valid Unicode")
    return text


def whole(number: int) -> int:
    """Return `number` if every database can store it; LedgerError otherwise."""
    if not -(2**63) <= number < 2**63:
        raise LedgerError(f"the number {number} is too large for the ledger")
    return number
