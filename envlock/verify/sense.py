"""Whether what a probe says can be at all: a line of the right form may still be nonsense.

No device and no training comes to a negative error, to two accuracies above one, or to weights
without a digest. Such a line is not judged; the probe that wrote it has failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from envlock.model.probe import (
    CollectiveLine,
    Control,
    Device,
    FrameworkLine,
    GradientLine,
    NumbersLine,
    ProbeLine,
    ProbeRequest,
    ProbeRun,
    SpeedLine,
    TrainingLine,
)
from envlock.verify.speed import UNITS
from envlock.verify.thresholds import LEARNT_ACCURACY, TOLERANCES

_LARGEST = 2**53
"""A whole number beyond it is no longer exact as JSON's readers have it."""
_LONGEST_TEXT = 20_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMPUTE = re.compile(r"([0-9]{1,3}\.[0-9]{1,3})?")
_RUNS = (1, 2)


def sift(run: ProbeRun) -> tuple[ProbeRun, tuple[str, ...]]:
    """Return a run without the lines that make no sense, and what is wrong with those."""
    kept: list[ProbeLine] = []
    told: list[str] = []
    for line in run.lines:
        problem = next(_problems(line, run.request), None)
        if problem is None:
            kept.append(line)
        else:
            told.append(f"a `{_kind(line)}` line makes no sense: {problem}")
    return msgspec.structs.replace(run, lines=tuple(kept)), tuple(told)


def _kind(line: ProbeLine) -> str:
    return str(line.__struct_config__.tag)


def _problems(line: ProbeLine, request: ProbeRequest) -> Iterator[str]:
    """Yield what cannot be, the coarsest first: what comes later relies on it."""
    yield from _impossible_values("", msgspec.to_builtins(line))
    match line:
        case FrameworkLine():
            if line.framework != request.framework:
                yield f"it is of `{line.framework[:80]}`"
            yield from _of_devices(line.devices)
        case NumbersLine() if line.precision not in TOLERANCES:
            yield f"no such precision: `{line.precision[:80]}`"
        case GradientLine() if line.control not in ("", Control.WRONG_GRADIENT):
            yield f"no such control: `{line.control[:80]}`"
        case TrainingLine():
            yield from _of_training(line, request)
        case SpeedLine() if line.measure not in UNITS:
            yield f"no such measure: `{line.measure[:80]}`"
        case CollectiveLine() if not line.skipped and line.gpus < 2:  # noqa: PLR2004 - one adds up nothing
            yield f"a sum over {line.gpus} GPUs"
        case _:
            pass


def _impossible_values(path: str, value: Any) -> Iterator[str]:
    match value:
        case bool():
            pass
        case float() if not 0 <= value < float("inf"):
            yield f"{path} is {value}"
        case int() if not 0 <= value < _LARGEST:
            yield f"{path} is {'negative' if value < 0 else 'beyond all measure'}"
        case str() if len(value) > _LONGEST_TEXT:
            yield f"{path} has {len(value):,} characters"
        case dict():
            for key, each in value.items():
                yield from _impossible_values(f"{path}.{key[:80]}".lstrip("."), each)
        case list() | tuple():
            for each in value:
                yield from _impossible_values(path, each)
        case _:
            pass


def _of_devices(devices: tuple[Device, ...]) -> Iterator[str]:
    for device in devices:
        if not _COMPUTE.fullmatch(device.compute):
            yield f"no such compute capability: `{device.compute[:80]}`"


def _of_training(line: TrainingLine, request: ProbeRequest) -> Iterator[str]:
    if len(line.losses) < 2 or len(line.accuracies) < 2:  # noqa: PLR2004 - before and after
        yield f"{len(line.losses)} losses and {len(line.accuracies)} accuracies"
    if any(each > 1 for each in line.accuracies):
        yield f"an accuracy of {max(line.accuracies):g}"
    if line.classes < 2 or line.steps < 1:  # noqa: PLR2004 - else there is nothing to learn
        yield f"{line.classes} classes in {line.steps} steps"
    if line.data not in LEARNT_ACCURACY or (line.data != "generated" and not request.data_folder):
        yield f"nobody gave it `{line.data[:80]}`"
    if line.control not in ("", Control.SHUFFLED_LABELS):
        yield f"no such control: `{line.control[:80]}`"
    if line.run not in _RUNS:
        yield f"a run {line.run}"
    if not _SHA256.fullmatch(line.weights_sha256):
        yield "its weights have no digest"
