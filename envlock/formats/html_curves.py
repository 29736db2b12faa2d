"""Learning curves: for each training its loss and its accuracy as SVG, with the numbers beside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from envlock.formats.html_tree import Content, dotted, element
from envlock.formats.learning import Point, accuracy_points, curve_title, loss_points
from envlock.formats.measures import format_measure
from envlock.formats.plain import count
from envlock.model.receipt import Curve

_WIDTH, _HEIGHT = 300, 146
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 26, 24
"""Room for what is written beside the lines."""


class _Scale(NamedTuple):
    steps: int
    low: float
    high: float

    def x(self, step: int) -> float:
        return _LEFT + step / self.steps * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        # Halves, since the distance between the ends of what a float can hold is infinite.
        part = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)


def curve_figure(curve: Curve) -> Element:
    """Return one training: both drawings, and a table of the same numbers."""
    title = curve_title(curve)
    losses, accuracies = loss_points(curve), accuracy_points(curve)
    parts = (count(curve.steps, "step"), *_ends("loss", losses), *_ends("accuracy", accuracies))
    control = (
        element("p", "A control: it must not learn.", class_="note") if curve.control else None
    )
    return element(
        "figure",
        element("figcaption", element("h3", dotted(title)), _listed(parts), control),
        _panel("loss", title, losses) if losses else None,
        _panel("accuracy", title, accuracies) if accuracies else None,
        _numbers(title, losses, accuracies),
        class_="curve",
    )


def _listed(parts: Iterable[str]) -> Element:
    return element("ul", *(element("li", part) for part in parts), class_="parts")


def _ends(name: str, points: Sequence[Point]) -> Iterable[str]:
    if points:
        first, last = (format_measure(name, point.value) for point in (points[0], points[-1]))
        yield f"{name} {first} → {last}" if len(points) > 1 else f"{name} {first}"


def _panel(name: str, title: str, points: Sequence[Point]) -> Element:
    scale = _scale(name, points)
    told = ", ".join(_ends(name, points)) or name
    return element(
        "svg",
        *_axes(name, scale, points[-1].step),
        *_lines(points, scale),
        class_=f"plot {name}",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=f"{title}: {told} over {count(points[-1].step, 'step')}",
    )


def _scale(name: str, points: Sequence[Point]) -> _Scale:
    values = [point.value for point in points if math.isfinite(point.value)]
    low, high = min((0.0, *values)), max((1.0 if name == "accuracy" else 0.0, *values))
    # Of halves, as in `y`: those of the smallest floats are zero.
    return _Scale(max(1, points[-1].step), low, high if high / 2 > low / 2 else 1.0)


def _axes(name: str, scale: _Scale, steps: int) -> Iterable[Element]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for value in (scale.low, scale.low / 2 + scale.high / 2, scale.high):
        y = f"{scale.y(value):.1f}"
        yield element("line", x1=str(_LEFT), x2=str(right), y1=y, y2=y, class_="grid")
        yield element("text", f"{value:.3g}", x=str(_LEFT - 6), y=y, dy="4", text_anchor="end")
    yield element("text", "0", x=str(_LEFT), y=str(bottom + 17))
    yield element("text", count(steps, "step"), x=str(right), y=str(bottom + 17), text_anchor="end")
    yield element("text", name, x=str(_LEFT), y="14", class_="name")


def _lines(points: Sequence[Point], scale: _Scale) -> Iterable[Content]:
    """Yield the line, broken where a value is no number, and what stands there instead."""
    for run in _runs(points):
        places = " ".join(f"{scale.x(step):.1f},{scale.y(value):.1f}" for step, value in run)
        yield element("polyline", points=places, class_="line")
        for step, value in (run[0], run[-1]):
            x, y = f"{scale.x(step):.1f}", f"{scale.y(value):.1f}"
            yield element("circle", cx=x, cy=y, r="3", class_="dot")
    for step, value in points:
        if not math.isfinite(value):
            x, y = f"{scale.x(step):.1f}", str(_TOP + 4)
            told = element("title", f"step {step:,}: {format_measure('', value)}")
            yield element("text", "✕", told, x=x, y=y, text_anchor="middle", class_="broken")


def _runs(points: Iterable[Point]) -> Iterable[list[Point]]:
    run: list[Point] = []
    for point in points:
        if math.isfinite(point.value):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _numbers(title: str, losses: Sequence[Point], accuracies: Sequence[Point]) -> Element:
    loss, accuracy = dict(losses), dict(accuracies)
    rows = (
        element(
            "tr",
            element("th", f"{step:,}", scope="row"),
            element("td", format_measure("loss", loss[step]) if step in loss else ""),
            element("td", format_measure("accuracy", accuracy[step]) if step in accuracy else ""),
        )
        for step in sorted({*loss, *accuracy})
    )
    heads = (element("th", name, scope="col") for name in ("step", "loss", "accuracy"))
    return element(
        "details",
        element("summary", "Numbers of ", dotted(title)),
        element(
            "table",
            element("thead", element("tr", *heads)),
            element("tbody", *rows),
            class_="figures",
        ),
    )
