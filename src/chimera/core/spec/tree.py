"""YAML text to a tree of plain values that knows its lines; what a spec has no use for is refused.

Scalars follow YAML 1.2 and never lose text: `on`, `yes`, `1_000`, `1:30`, `010` and dates stay
text, and a number is one only if writing it out gives what the operator wrote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_VALUES = 2_000
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,17})?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_FINE = "\n\t"
_UNCLOSED = re.compile(r"^expected ',' or .*<stream end>|unexpected end of stream")
Path = tuple[str | int, ...]
Start = yaml.MappingStartEvent | yaml.SequenceStartEvent


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where (lines and columns from 1, column 0: the whole line) and what to do."""

    line: int
    sentence: str
    path: str = ""
    column: int = 0

    def text(self, file: str) -> str:
        """Return 'checkout.yaml:7: errorrate: unknown key; ...'."""
        place = f"{file}:{self.line}" if file else f"line {self.line}"
        place += f":{self.column}" if self.column else ""
        said = f"{self.path}: {self.sentence}" if self.path else self.sentence
        return f"{place}: {_visible(said)}"


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@dataclass(slots=True)
class Node:
    """A value: a scalar, or children by key or position. source: the scalar as written.

    bad: a problem was already told about it. key_lines: where each key of a mapping stands.
    """

    line: int
    column: int
    value: Any = None
    children: dict[str | int, Node] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    kind: str = "scalar"
    source: str = ""
    bad: bool = False
    flat: list[Node] = field(default_factory=list)

    def plain(self) -> Any:
        """Return the value without marks: dict, list, str, int, float, bool or None."""
        if self.kind == "scalar":
            return self.value
        values = {key: child.plain() for key, child in self.children.items()}
        return values if self.kind == "mapping" else list(values.values())


class _Stop(Exception):
    """Reading cannot go on; the problem is already noted."""


def read_tree(text: str) -> tuple[Node | None, list[Problem]]:
    """Return the root mapping, or None if there is none to judge, and all mistakes of form."""
    reader = _Reader()
    try:
        if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
            reader.stop(1, f"too large: a spec has at most {MAX_BYTES // 1024} KB")
        loader = _loader(text, reader)
        reader.read(_events(loader, reader))
    except _Stop:
        return None, reader.problems
    return reader.root, reader.problems


def _loader(text: str, reader: _Reader) -> yaml.SafeLoader:
    try:
        return yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reader.stop(line, f"not text: it holds U+{error.character:04X}; is this the right file?")


def _events(loader: yaml.SafeLoader, reader: _Reader) -> Iterator[yaml.Event]:
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        unclosed = error.context_mark if _UNCLOSED.search(str(error.problem)) else None
        mark = unclosed or error.problem_mark or error.context_mark or loader.get_mark()
        sentence = "not valid YAML: opened here, never closed" if unclosed else _syntax(error)
        reader.stop(mark.line + 1, sentence, column=mark.column + 1)
    except (yaml.YAMLError, ValueError, OverflowError):  # PyYAML: an escape beyond Unicode
        mark = loader.get_mark()
        reader.stop(mark.line + 1, "not valid YAML: a character that does not exist")
    finally:
        loader.dispose()


def _syntax(error: yaml.MarkedYAMLError) -> str:
    said = str(error.problem or error.context or "cannot be read")
    if "'\\t'" in said:
        return "not valid YAML: a tab; indent with spaces"
    if "mapping values are not allowed" in said:
        return "not valid YAML: a ':' too many here; check the indentation, or quote the value"
    if "alias" in f"{error.context}" or "anchor" in f"{error.context}":
        return "not valid YAML: '*' and '&' begin aliases and anchors; quote the value"
    return f"not valid YAML: {said}; check the indentation and the quotes"


class _Reader:
    """Builds the tree from events, without recursion, and notes what is refused."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[Node] = []
        self._documents = 0
        self._values = 0

    def stop(self, line: int, sentence: str, *, column: int = 0) -> NoReturn:
        self.problems.append(Problem(line, sentence, column=column))
        raise _Stop

    def read(self, events: Iterator[yaml.Event]) -> None:
        """Read all events into `root`; it is a mapping."""
        for event in events:
            line, column = _place(event)
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self.stop(line, "a second document ('---'); a file holds one spec")
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close(self._open.pop())
            elif isinstance(event, yaml.NodeEvent):
                self._add(event, line, column)
        if self.root is None or (self.root.kind == "scalar" and self.root.value is None):
            self.stop(1, "the file is empty; a spec begins with 'version: 1'")
        elif self.root.kind != "mapping" and not self.root.bad:
            self.stop(self.root.line, f"a spec is a mapping of keys, not {_a(self.root)}")

    def _add(self, event: yaml.NodeEvent, line: int, column: int) -> None:
        node = Node(line, column)
        self._values += 1
        if self._values > MAX_VALUES:
            self.stop(line, f"too many values: a spec has at most {MAX_VALUES}")
        self._refuse_tricks(event, node)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, node)
        if self._open:
            self._open[-1].flat.append(node)
        else:
            self.root = node
        if isinstance(event, Start):
            node.kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
            self._open.append(node)
            if len(self._open) > MAX_DEPTH:
                self.stop(line, f"nested too deeply: a spec has at most {MAX_DEPTH} levels")

    def _refuse_tricks(self, event: yaml.NodeEvent, node: Node) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._bad(node, f"the alias '*{event.anchor}' is refused; write the value out")
        elif event.anchor:
            self._bad(node, f"the anchor '&{event.anchor}' is refused; write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            short = str(tag).replace("tag:yaml.org,2002:", "!!")
            self._bad(node, f"the tag '{short}' is refused; remove it, quotes make a value text")

    def _scalar(self, event: yaml.ScalarEvent, node: Node) -> None:
        node.source = event.value
        node.value = _resolve(event.value) if event.implicit[0] else event.value
        odd = next(
            (c for c in event.value if c not in _FINE and unicodedata.category(c) in {"Cc", "Cs"}),
            "",
        )
        if odd:
            self._bad(node, f"the control character U+{ord(odd):04X} is refused; remove it")

    def _close(self, node: Node) -> None:
        if node.kind == "sequence":
            node.children = dict(enumerate(node.flat))
            return
        for key, value in zip(node.flat[::2], node.flat[1::2], strict=True):
            if key.bad:
                continue
            if key.kind != "scalar" or not isinstance(key.value, str):
                say = (
                    _a(key)
                    if key.kind != "scalar"
                    else (f"'{key.source[:60]}'" if key.source else "nothing")
                )
                self._bad(key, f"a key is text, not {say}; name it, or put it in quotes")
            elif key.value in node.children:
                first = node.key_lines[key.value]
                self._bad(
                    key, f"'{key.value[:60]}' is given twice, first on line {first}; keep one"
                )
            else:
                node.children[key.value] = value
                node.key_lines[key.value] = key.line

    def _bad(self, node: Node, sentence: str) -> None:
        node.bad = True
        self.problems.append(Problem(node.line, sentence, column=node.column))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _a(node: Node) -> str:
    return {"mapping": "a mapping", "sequence": "a list"}.get(node.kind, "a single value")


def _resolve(text: str) -> Any:
    word = text if text in _WORDS else text.lower()
    if word in _WORDS and text in {word, word.capitalize(), word.upper()}:
        return _WORDS[word]
    if _NUMBER.fullmatch(text):
        number = float(text) if "." in text else int(text)
        return number if str(number) == text else text
    return text
