"""How far results are apart, and gradients by differences. Plain Python: it must not be wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

STEP = 1e-5
"""Of central differences: their error grows with its square, rounding with its inverse."""
WRONG = 1.01
"""What the control multiplies one gradient by."""


def relative_error(found: Sequence[float], expected: Sequence[float]) -> float:
    """Largest difference over the largest expected value; NaN when anything is NaN."""
    if len(found) != len(expected):
        raise ValueError("{} results for {}".format(len(found), len(expected)))
    differences = [abs(mine - right) for mine, right in zip(found, expected)]
    if not all(map(math.isfinite, differences)):
        return math.nan
    largest = max((abs(each) for each in expected), default=0.0)
    difference = max(differences, default=0.0)
    return difference / largest if largest else difference


def central_differences(
    function: Callable[[list[float]], float], at: Sequence[float]
) -> list[float]:
    """Find the gradient of `function`, one parameter after another."""
    slopes = []
    for index, value in enumerate(at):
        there = list(at)
        there[index] = value + STEP
        above = function(there)
        there[index] = value - STEP
        slopes.append((above - function(there)) / (2 * STEP))
    return slopes


def spoil_gradient(gradient: Sequence[float]) -> list[float]:
    """Make the largest one wrong by 1 %."""
    spoilt = list(gradient)
    largest = max(range(len(spoilt)), key=lambda index: abs(spoilt[index]))
    spoilt[largest] *= WRONG
    return spoilt
