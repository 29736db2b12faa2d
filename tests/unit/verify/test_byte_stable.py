"""Two verifications of one environment on one machine: the same bytes, but for what varies."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from envlock.formats.receipt import format_receipt, without_varying
from envlock.model.outcome import Level
from envlock.model.probe import DriverSample, ProbeRun
from envlock.model.receipt import Receipt
from envlock.verify.seal import Sealing, seal
from receipts import subject
from recorded_probes import observed, run

VARIES = (
    "seconds",
    "first_step_seconds",
    "examples_per_second",
    "peak_memory_bytes",
    "import_seconds",
    "per_second",
    "kernel_seconds",
    "wall_seconds",
    "memory_bytes",
    "bytes_per_second",
)


def later(value: Any) -> Any:
    """Return a line of a probe as another run would say it: other times, rates and memory."""
    if not hasattr(value, "__struct_fields__") or type(value).__name__ == "Device":
        return value
    fields = {
        name: _slower(found) if name in VARIES else later(found)
        for name, found in asdict(value).items()
    }
    return replace(value, **fields)


def _slower(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: each * 1.25 for name, each in found.items()}
    return type(found)(found * 1.25)


def again(before: ProbeRun) -> ProbeRun:
    gpus = tuple(
        replace(each, utilisation_percent=47, process_memory_bytes=910_000_000)
        for each in before.gpus
        if isinstance(each, DriverSample)
    )
    lines = tuple(later(line) for line in before.lines)
    return replace(before, lines=lines, seconds=before.seconds + 3.5, gpus=gpus)


def receipt(probe: ProbeRun, *, on_gpu: bool, hour: int) -> Receipt:
    sealing = Sealing(
        subject=subject(),
        device="gpu" if on_gpu else "cpu",
        cpus=2,
        envlock_version="0.1.0",
        verified_at=f"2026-11-24T{hour}:00:00Z",
        seconds=float(hour),
    )
    return seal(observed(probe, on_gpu=on_gpu), sealing)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("on_gpu", [False, True])
def test_two_runs_leave_the_same_bytes_but_for_what_varies(level: Level, on_gpu: bool):
    probe = run(level=level, on_gpu=on_gpu)

    first = receipt(probe, on_gpu=on_gpu, hour=10)
    second = receipt(again(probe), on_gpu=on_gpu, hour=11)

    assert format_receipt(first) != format_receipt(second)
    assert format_receipt(without_varying(first)) == format_receipt(without_varying(second))
