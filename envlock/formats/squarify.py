"""Boxes whose areas are as given sizes, as square as they come.

The squarified treemap of Bruls, Huizing and van Wijk (2000): boxes are laid in rows along the
shorter side of what is left, and a row is closed when one more box would make its worst box longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle; y grows downward."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, margin: float) -> Box:
        """Return the box without a margin on each side, never less than nothing."""
        return Box(
            self.x + margin,
            self.y + margin,
            max(0.0, self.width - 2 * margin),
            max(0.0, self.height - 2 * margin),
        )

    def below(self, height: float) -> Box:
        """Return what is left of the box under a strip."""
        strip = min(height, self.height)
        return Box(self.x, self.y + strip, self.width, self.height - strip)


def squarify(sizes: Sequence[float], frame: Box) -> list[Box]:
    """Return a box for each size, in their order; sizes are above zero and fall.

    The boxes fill the frame; a frame without area gives boxes without area.
    """
    total = sum(sizes)
    if not sizes or frame.width <= 0 or frame.height <= 0:
        return [Box(frame.x, frame.y, 0.0, 0.0) for _ in sizes]
    areas = [size * frame.width * frame.height / total for size in sizes]
    boxes: list[Box] = []
    place = 0
    while place < len(areas):
        row = _row(areas, place, min(frame.width, frame.height))
        laid, frame = _lay(row, frame)
        boxes += laid
        place += len(row)
    return boxes


def _row(areas: Sequence[float], start: int, side: float) -> Sequence[float]:
    """Return the areas from a place on that make the squarest row along a side."""
    end = start + 1
    area = areas[start]
    worst = _worst(area, areas[start], areas[start], side)
    while end < len(areas):
        area += areas[end]
        longer = _worst(area, areas[start], areas[end], side)
        if longer > worst:
            break
        worst, end = longer, end + 1
    return areas[start:end]


def _worst(area: float, largest: float, smallest: float, side: float) -> float:
    """Return the longest shape in a row: length over breadth, whichever way."""
    if side <= 0 or smallest <= 0:
        return 0.0
    depth = area / side
    return max(largest / depth**2, depth**2 / smallest)


def _lay(row: Sequence[float], frame: Box) -> tuple[list[Box], Box]:
    """Return a row's boxes, and what is left of the frame."""
    x, y, width, height = frame
    area = sum(row)
    if width >= height:
        depth = min(width, area / height) if height > 0 else 0.0
        rest = Box(x + depth, y, width - depth, height)
        boxes = [Box(x, y + start * height, depth, share * height) for start, share in _shares(row)]
    else:
        depth = min(height, area / width) if width > 0 else 0.0
        rest = Box(x, y + depth, width, height - depth)
        boxes = [Box(x + start * width, y, share * width, depth) for start, share in _shares(row)]
    return boxes, rest


def _shares(row: Sequence[float]) -> list[tuple[float, float]]:
    total = sum(row) or 1.0
    shares, start = [], 0.0
    for area in row:
        shares.append((start, area / total))
        start += area / total
    return shares
