"""EL305: a driver that is too old."""

from __future__ import annotations

import pytest

from builders import GPU_STACK, stack_of
from envlock.audit.rules.driver_floor import RULE
from envlock.model.finding import AuditPolicy, Unlooked
from envlock.model.reading import FoundPackage
from envlock.model.sight import Sight
from readings import case, conda, judged, reading, remedies, seen, told

LINE = conda("cuda-cudart", "12.9.79")
BOTH = conda("cuda-cudart", "12.9.79", platforms=["linux-64", "win-64"])


def of(*rows: FoundPackage, driver: str | None, platforms=("linux-64",), stack: str = ""):
    return case(
        reading(*rows, platforms=platforms),
        policy=AuditPolicy(driver=driver),
        sights=seen(Sight.FLEET),
        stack=stack_of(stack) if stack else None,
    )


def test_a_driver_below_the_floor_is_an_error_on_each_system():
    found = of(BOTH, driver="470", platforms=["linux-64", "win-64"])

    assert told(RULE, found) == [
        "error (driver): CUDA 12.9 does not run on the fleet's driver 470: CUDA 12 runs on Linux "
        "driver 525.60.13 or newer; the fleet has 470 (on linux-64).",
        "error (driver): CUDA 12.9 does not run on the fleet's driver 470: CUDA 12 runs on Windows "
        "driver 528.33 or newer; the fleet has 470 (on win-64).",
    ]
    assert remedies(RULE, found) == [
        "use driver 525.60.13 or newer, or packages for an older CUDA.",
        "use driver 528.33 or newer, or packages for an older CUDA.",
    ]


def test_a_driver_above_the_floor_is_enough():
    assert told(RULE, of(LINE, driver="535")) == []


def test_what_may_compile_while_it_runs_is_a_warning():
    assert told(RULE, of(LINE, conda("numba"), driver="535")) == [
        "warning (driver): CUDA 12.9 may not run on the fleet's driver 535: numba may compile PTX "
        "at "
        "run time, for which driver 575.51.03 or newer is needed (on linux-64)."
    ]


def test_what_nobody_knows_is_a_note():
    assert told(RULE, of(LINE, driver="the newest")) == [
        "note (driver): CUDA 12.9 may not run on the fleet's driver the newest: `the newest` is no "
        "driver version (on linux-64)."
    ]


def test_the_stack_says_the_driver_too_and_the_policy_goes_before():
    stack = f'{GPU_STACK}\n[fleet]\ndriver = "470"\n'

    assert len(told(RULE, of(LINE, driver=None, stack=stack))) == 1
    assert told(RULE, of(LINE, driver="535", stack=stack)) == []


@pytest.mark.parametrize("rows", [[conda("numpy")], [conda("cuda-version", "12.9")], []])
def test_what_needs_no_driver_is_left_alone(rows):
    assert told(RULE, of(*rows, driver="390")) == []


def test_the_line_of_a_mixture_is_that_of_what_computes():
    found = of(conda("cuda-cudart", "11.8.89"), conda("cuda-version", "12.9"), driver="470")

    assert told(RULE, found) == []


def test_without_a_fleet_it_is_told_that_nobody_looked():
    found = judged(RULE, reading(LINE))

    assert found.findings == ()
    assert found.unlooked == (Unlooked(what="the fleet's driver", reason="it was not looked at"),)
