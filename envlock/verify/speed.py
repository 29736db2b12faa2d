"""Whether a GPU is as fast as its data sheet says, within reason."""

from __future__ import annotations

from envlock.compat.evidence import Confidence
from envlock.compat.rates import rated_gpu
from envlock.model.outcome import Failed, NotRun, Passed
from envlock.model.probe import SpeedLine
from envlock.verify.numbers import Measured
from envlock.verify.thresholds import RATE_SHARE

UNITS = {"bf16-matmul": (1e12, "TFLOP/s"), "copy": (1e9, "GB/s")}
"""What is measured, with the unit that people read it in."""


def judge_speed(line: SpeedLine, *, is_strict: bool) -> Measured:
    """Judge a rate beside the data sheet's. A figure that is only recalled never fails it."""
    scale, unit = UNITS[line.measure]
    varying = {"per_second": line.per_second}
    told = f"{line.per_second / scale:,.1f} {unit}"
    rated = rated_gpu(line.device.name)
    if rated is None:
        reason = f"{told}; no data sheet of `{line.device.name}` is known"
        return NotRun(reason=reason), {}, varying
    promised = rated.bf16_operations if line.measure == "bf16-matmul" else rated.memory_bytes
    share = line.per_second / promised
    varying["share_of_data_sheet"] = round(share, 4)
    told += f", {share:.0%} of the data sheet's {promised / scale:,.0f}"
    if share >= RATE_SHARE:
        return Passed(said=told), {}, varying
    if rated.confidence == Confidence.VERIFIED or is_strict:
        hint = "is another process on the GPU, or its power capped? `nvidia-smi` tells"
        return Failed(said=f"{told}: less than {RATE_SHARE:.0%}", hint=hint), {}, varying
    reason = f"{told}: less than {RATE_SHARE:.0%}, and that figure is only recalled"
    return NotRun(reason=reason), {}, varying
