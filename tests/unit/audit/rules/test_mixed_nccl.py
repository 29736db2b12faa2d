"""EL304: two copies of NCCL."""

from __future__ import annotations

from envlock.audit.rules.mixed_nccl import RULE
from readings import conda, reading, told, wheel


def test_a_package_and_a_wheel_are_two_copies():
    found = reading(conda("nccl", "2.21.5.1"), wheel("nvidia-nccl-cu12", "2.20.5", line=31))

    assert told(RULE, found) == [
        "warning at 31 (nccl): 2 copies of NCCL meet on linux-64: 2.21.5.1 in nccl and 2.20.5 in "
        "nvidia-nccl-cu12."
    ]


def test_one_package_is_one_copy():
    found = reading(conda("nccl", "2.21.5.1"), wheel("torch", "2.5.1"), wheel("nccl4py", "0.1"))

    assert told(RULE, found) == []
