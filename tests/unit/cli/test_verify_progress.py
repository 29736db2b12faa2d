"""What a terminal shows of a probe: whatever a probe says, and never what would steer it."""

from __future__ import annotations

import sys

import pytest

from envlock.cli.verify_progress import LossMeter, draw
from envlock.model.probe import StepLine

BARS = "012345678"


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ((), ""),
        ((1.0,), "0"),
        ((2.0, 1.0, 0.0), "840"),
        ((sys.float_info.max, 0.0, -sys.float_info.max), "840"),
        ((5e-324, 0.0), "00"),
    ],
)
def test_losses_are_drawn_between_their_ends(losses: tuple[float, ...], shown: str):
    assert draw(losses, BARS) == shown


def test_a_name_cannot_steer_the_terminal():
    meter = LossMeter()

    meter.heard("pytorch", StepLine(model="\x1b[2J", step=1, steps=2, loss=0.5))

    assert "\x1b" not in meter.describe(1.0)
