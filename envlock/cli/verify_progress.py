"""What a terminal shows while a probe works: the check, its step, and how the loss goes."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

from envlock.cli.progress import Talk
from envlock.cli.table import printable
from envlock.model.probe import FrameworkLine, StartedLine, StepLine, TrainingLine

if TYPE_CHECKING:
    from envlock.model.probe import ProbeLine

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=*#"
_CURVE = 24
"""Losses that the line has room for."""


class SilentLossMeter:
    """Hears a probe and says nothing. Implements `ProbeListener`."""

    def heard(self, framework: str, line: ProbeLine) -> None:
        """Say nothing."""


class LossMeter(Talk):
    """Tells a terminal how training goes; others get nothing. Implements `ProbeListener`."""

    def __init__(self) -> None:
        super().__init__()
        self._doing = ""
        self._losses: deque[float] = deque(maxlen=_CURVE)

    def heard(self, framework: str, line: ProbeLine) -> None:
        """Remember what is shown next."""
        match line:
            case StartedLine():
                self._begin(f"{framework}: importing")
            case FrameworkLine():
                self._begin(f"{framework} {printable(line.version)}")
            case StepLine():
                told = f"{framework} {printable(line.model)}"
                if not self._doing.startswith(told):
                    self._losses.clear()
                self._losses.append(line.loss)
                self._doing = f"{told} {line.step}/{line.steps}  loss {line.loss:.4f}"
            case TrainingLine():
                self._begin(f"{framework}: {printable(line.model)} is trained")
            case _:
                pass

    def _begin(self, doing: str) -> None:
        self._losses.clear()
        self._doing = doing
        self.step(doing)

    def describe(self, seconds: float) -> str:
        """Return the check, its step and loss, and the way that the loss came."""
        curve = draw(tuple(self._losses), _bars())
        return "  ".join(filter(None, [f"{self._doing} … {seconds:.0f} s", curve]))


def draw(losses: tuple[float, ...], bars: str) -> str:
    """Return losses as a row of bars, the largest as the tallest."""
    low, high = min(losses, default=0.0), max(losses, default=0.0)
    # Of halves: the distance between the ends of what a float can hold is infinite.
    span = (high / 2 - low / 2) or 1.0
    last = len(bars) - 1
    return "".join(bars[round((loss / 2 - low / 2) / span * last)] for loss in losses)


def _bars() -> str:
    """Return what the terminal can show."""
    try:
        _BARS.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return _ASCII_BARS
    return _BARS
