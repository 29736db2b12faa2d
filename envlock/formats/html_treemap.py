"""The packages of an environment as boxes whose areas are their sizes, drawn as SVG.

It is drawn twice, wide and for a phone, and the page shows the one that fits: letters that shrink
with the drawing could not be read. Packages too small for a box of their own share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from envlock.formats.html_tree import Content, element
from envlock.formats.plain import count, format_bytes
from envlock.formats.squarify import Box, squarify
from envlock.model.package import PackageSize


class _Canvas(NamedTuple):
    name: str
    frame: Box
    font: float
    least: float
    """The share of the whole that a box of its own takes."""


_CANVASES = (
    _Canvas("wide", Box(0, 0, 800, 440), 12, 0.0012),
    _Canvas("narrow", Box(0, 0, 360, 520), 12, 0.004),
)
_LETTER = 0.62
"""The width of a letter over its height, rather too much than too little."""
_FEWEST = 6
"""A label of fewer letters says nothing."""
_GAP = 1.0
_NAMED = 3
"""How many of the largest packages the description names."""


class _Tile(NamedTuple):
    label: str
    told: str
    size: int
    kind: str


def treemap(packages: Sequence[PackageSize]) -> tuple[Element, ...]:
    """Return the drawings; none when no size is known."""
    known = sorted(
        ((each.size_bytes, each) for each in packages if each.size_bytes and each.size_bytes > 0),
        key=lambda pair: (-pair[0], pair[1].name, pair[1].version),
    )
    if not known:
        return ()
    return tuple(_draw(canvas, known) for canvas in _CANVASES)


def _draw(canvas: _Canvas, known: Sequence[tuple[int, PackageSize]]) -> Element:
    groups = _groups(known)
    boxes = squarify([sum(size for size, _ in members) for _, members in groups], canvas.frame)
    least = canvas.least * sum(size for size, _ in known)
    shapes = (
        shape
        for (manager, members), box in zip(groups, boxes, strict=True)
        for shape in _group(manager, members, box.inside(_GAP), canvas, least)
    )
    return element(
        "svg",
        *shapes,
        class_=f"treemap {canvas.name}",
        viewBox=f"0 0 {canvas.frame.width:g} {canvas.frame.height:g}",
        role="img",
        aria_label=_description(known, groups),
    )


_Members = list[tuple[int, PackageSize]]


def _groups(known: Iterable[tuple[int, PackageSize]]) -> list[tuple[str, _Members]]:
    groups: dict[str, _Members] = {}
    for size, package in known:
        groups.setdefault(package.manager, []).append((size, package))
    return sorted(groups.items(), key=lambda group: (-sum(s for s, _ in group[1]), group[0]))


def _description(
    known: Sequence[tuple[int, PackageSize]], groups: Iterable[tuple[str, _Members]]
) -> str:
    parts = "; ".join(
        f"{manager} {format_bytes(sum(size for size, _ in members))} "
        f"in {count(len(members), 'package')}"
        for manager, members in groups
    )
    largest = ", ".join(f"{p.name} {format_bytes(size)}" for size, p in known[:_NAMED])
    return f"Packages by size: {parts}. The largest: {largest}. The table below has them all."


def _group(
    manager: str, members: _Members, box: Box, canvas: _Canvas, least: float
) -> Iterable[Content]:
    strip = canvas.font * 1.6
    total = sum(size for size, _ in members)
    if box.height > 3 * strip:
        title = f"{manager} · {format_bytes(total)} · {count(len(members), 'package')}"
        line = Box(box.x + 2, box.y + canvas.font * 1.1, box.width - 4, canvas.font)
        yield _text(title, line, canvas, "group")
        box = box.below(strip)
    tiles = _tiles(manager, members, least)
    for tile, place in zip(tiles, squarify([tile.size for tile in tiles], box), strict=True):
        yield _tile(tile, place, canvas)


def _tiles(manager: str, members: _Members, least: float) -> list[_Tile]:
    kind = manager if manager in {"conda", "pypi"} else "other"
    large = [(size, package) for size, package in members if size >= least]
    small = [size for size, _ in members if size < least]
    tiles = [
        _Tile(p.name, f"{p.name} {p.version} ({manager}): {format_bytes(size)}", size, kind)
        for size, p in large
    ]
    if small:
        told = f"{count(len(small), 'smaller package')}: {format_bytes(sum(small))}"
        tiles.append(_Tile(f"+{len(small):,}", told, sum(small), "rest"))
    return sorted(tiles, key=lambda tile: -tile.size)


def _tile(tile: _Tile, place: Box, canvas: _Canvas) -> Element:
    box, font = place.inside(_GAP / 2), canvas.font
    shown = element(
        "rect",
        element("title", tile.told),
        x=f"{box.x:.1f}",
        y=f"{box.y:.1f}",
        width=f"{box.width:.1f}",
        height=f"{box.height:.1f}",
    )
    line = Box(box.x + 4, box.y + font * 1.2, box.width - 6, font)
    name = _text(tile.label, line, canvas) if box.height > font * 1.6 else None
    size = format_bytes(tile.size)
    fits = name is not None and box.height > font * 3 and _letters(line, canvas) >= len(size)
    amount = _text(size, line._replace(y=line.y + font * 1.2), canvas, "size") if fits else None
    return element("g", shown, name, amount, class_=f"tile {tile.kind}")


def _letters(line: Box, canvas: _Canvas) -> int:
    return int(line.width / (canvas.font * _LETTER))


def _text(text: str, line: Box, canvas: _Canvas, kind: str | None = None) -> Element | None:
    """Return as much of a text as a line has room for; None when that says nothing."""
    letters = _letters(line, canvas)
    if letters < min(_FEWEST, len(text)):
        return None
    shown = text if len(text) <= letters else f"{text[: letters - 1]}…"
    x, y, size = f"{line.x:.1f}", f"{line.y:.1f}", f"{canvas.font:g}"
    return element("text", shown, x=x, y=y, font_size=size, class_=kind)
