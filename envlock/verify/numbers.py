"""Whether the device computes right: products, convolutions, gradients, compiled steps, sums."""

from __future__ import annotations

from envlock.model.outcome import Failed, NotRun, Outcome, Passed
from envlock.model.probe import CollectiveLine, CompilerLine, Control, GradientLine, NumbersLine
from envlock.verify.thresholds import COLLECTIVE, COMPILED, GRADIENT, TOLERANCES

Measured = tuple[Outcome, dict[str, float], dict[str, float]]
"""An outcome, its numbers, and those that vary from run to run."""


def judge_numbers(line: NumbersLine, device: str) -> Measured:
    """Judge one operation in one precision."""
    if line.skipped:
        return NotRun(reason=line.skipped), {}, {}
    error, limit = line.relative_error, TOLERANCES[line.precision]
    numbers = {"relative_error": error, "tolerance": limit}
    if line.device != device:
        said = f"the result lay on the {line.device}, and was asked for on the {device}"
        return Failed(said=said), numbers, {}
    told = f"differs from float64 by {error:.1e} of the largest value, tolerance {limit:.0e}"
    return (Passed(said=told) if error <= limit else Failed(said=told)), numbers, {}


def judge_gradient(line: GradientLine, device: str) -> Measured:
    """Judge analytic gradients beside numeric ones; a wrong one must be seen to be wrong."""
    error = line.relative_error
    numbers = {"relative_error": error, "tolerance": GRADIENT}
    if line.device != device:
        said = f"the gradient came from the {line.device}, and was asked for on the {device}"
        return Failed(said=said), numbers, {}
    told = f"{error:.1e} from the numeric one, tolerance {GRADIENT:.0e}"
    if line.control == Control.WRONG_GRADIENT:
        said = f"a gradient made wrong by 1 % is {told}"
        return (Passed(said=said) if error > GRADIENT else Failed(said=said)), numbers, {}
    said = f"the analytic gradient is {told}"
    return (Passed(said=said) if error <= GRADIENT else Failed(said=said)), numbers, {}


def judge_compiler(line: CompilerLine, device: str) -> Measured:
    """Judge a compiled step beside the plain one."""
    if line.skipped:
        return NotRun(reason=line.skipped), {}, {}
    error = line.relative_error
    numbers = {"relative_error": error, "tolerance": COMPILED}
    varying = {"compile_seconds": line.seconds}
    if line.device != device:
        said = f"{line.compiler} ran on the {line.device}, and was asked for on the {device}"
        return Failed(said=said), numbers, varying
    told = f"{line.compiler} differs by {error:.1e} in loss and gradients, tolerance {COMPILED:.0e}"
    return (Passed(said=told) if error <= COMPILED else Failed(said=told)), numbers, varying


def judge_collective(line: CollectiveLine) -> Measured:
    """Judge a sum over all GPUs."""
    if line.skipped:
        return NotRun(reason=line.skipped), {}, {}
    error = line.relative_error
    numbers = {"gpus": line.gpus, "relative_error": error, "tolerance": COLLECTIVE}
    varying = {"bytes_per_second": line.bytes_per_second}
    told = (
        f"the sum over {line.gpus} GPUs differs by {error:.1e}, tolerance {COLLECTIVE:.0e}; "
        f"{line.bytes_per_second / 1e9:.1f} GB/s of bus bandwidth"
    )
    return (Passed(said=told) if error <= COLLECTIVE else Failed(said=told)), numbers, varying
