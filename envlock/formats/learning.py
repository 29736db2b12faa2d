"""At which step each point of a learning curve was measured."""

from __future__ import annotations

from typing import NamedTuple

from envlock.model.receipt import Curve

_MOST_STEPS = 2**63 - 1
"""What TensorBoard has room for."""


class Point(NamedTuple):
    """A value and the step after which it stood."""

    step: int
    value: float


def loss_points(curve: Curve) -> tuple[Point, ...]:
    """Return the losses; each is the mean over its part of the steps and stands at its end."""
    steps, parts = _steps(curve), len(curve.losses)
    return tuple(
        Point((part + 1) * steps // parts, value) for part, value in enumerate(curve.losses)
    )


def accuracy_points(curve: Curve) -> tuple[Point, ...]:
    """Return the accuracies: the first before training, the last after it."""
    gaps = max(1, len(curve.accuracies) - 1)
    return tuple(
        Point(number * _steps(curve) // gaps, value)
        for number, value in enumerate(curve.accuracies)
    )


def _steps(curve: Curve) -> int:
    """Return the steps; a receipt is read before it is believed, and may hold any number."""
    return min(max(curve.steps, 0), _MOST_STEPS)


def curve_title(curve: Curve) -> str:
    """Return the curve's name, and what was done wrong on purpose."""
    return f"{curve.name} ({curve.control})" if curve.control else curve.name
