"""Draw lines into a PNG, without any library: enough for a metric's graph."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]
WHITE, GREY, INK = (255, 255, 255), (226, 230, 236), (91, 102, 117)


class Canvas:
    """A picture of `width` x `height` pixels; the origin is its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(bytes(WHITE) * width) for _ in range(height)]

    def dot(self, x: int, y: int, colour: Colour) -> None:
        """Colour one pixel; one outside of the picture is fine."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._rows[y][3 * x : 3 * x + 3] = bytes(colour)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour) -> None:
        """Draw a line two pixels thick."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            x = start[0] + round((end[0] - start[0]) * step / steps)
            y = start[1] + round((end[1] - start[1]) * step / steps)
            self.dot(x, y, colour)
            self.dot(x, y + 1, colour)

    def box(self, corner: tuple[int, int], size: tuple[int, int], colour: Colour) -> None:
        """Fill a rectangle."""
        for y in range(corner[1], corner[1] + size[1]):
            for x in range(corner[0], corner[0] + size[0]):
                self.dot(x, y, colour)

    def png(self) -> bytes:
        """Return the picture as PNG."""
        raw = b"".join(b"\0" + bytes(row) for row in self._rows)
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


# Three by five dots a character, row by row.
_DIGITS = {
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 1, 1, 1),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
    ".": (0, 0, 0, 0, 2),
    "-": (0, 0, 7, 0, 0),
    ":": (0, 2, 0, 2, 0),
    "e": (7, 5, 7, 4, 7),
    "+": (0, 2, 7, 2, 0),
}


def write(canvas: Canvas, at: tuple[int, int], text: str, colour: Colour = INK) -> None:
    """Write digits, two pixels a dot; other characters are left out."""
    x = at[0]
    for char in text:
        for row, bits in enumerate(_DIGITS.get(char, ())):
            for column in range(3):
                if bits >> (2 - column) & 1:
                    canvas.box((x + 2 * column, at[1] + 2 * row), (2, 2), colour)
        x += 8


def graph(
    lines: Sequence[tuple[Sequence[tuple[float, float]], Colour]],
    window: tuple[float, float],
    size: tuple[int, int],
) -> bytes:
    """Draw lines of (Unix time, value) over a window of time; return PNG."""
    canvas = Canvas(*size)
    left, top, right, bottom = 64, 12, size[0] - 12, size[1] - 24
    values = [value for points, _ in lines for _, value in points]
    low, high = min([0.0, *values]), max([0.0, *values])
    high = high if high > low else low + 1

    def place(at: float, value: float) -> tuple[int, int]:
        across = (at - window[0]) / (window[1] - window[0])
        up = (value - low) / (high - low)
        return left + round(across * (right - left)), bottom - round(up * (bottom - top))

    for step in range(5):
        value = low + (high - low) * step / 4
        _, y = place(window[0], value)
        canvas.line((left, y), (right, y), GREY)
        write(canvas, (4, y - 4), f"{value:.4g}")
    for points, colour in lines:
        placed = [place(*point) for point in points]
        for start, end in zip(placed, placed[1:] or placed, strict=False):
            canvas.line(start, end, colour)
    return canvas.png()
