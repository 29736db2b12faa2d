"""The GPU code of one artifact as one line of a lock's head, and back.

    sm_75 sm_80 sm_90a compute_120; CUDA 13.2; verified; torch/lib/libtorch_python.so; read from …

The parts are separated by `; `: architectures (`none` for a CPU build, `unknown`), toolkit line,
confidence, row, source. The last may hold anything but a line break.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine, parse_dotted

_ENTRY = re.compile(r"(sm|compute)_([1-9][0-9]{0,2})([0-9])(a?)$")
_NONE = "none"
_UNKNOWN = "unknown"
_SEPARATOR = "; "
_NO_LINE = "no CUDA"
_PARTS = 5


def format_kernels(kernels: Kernels) -> str:
    """Return what is known of an artifact's GPU code as one line."""
    line = f"CUDA {kernels.line}" if kernels.line else _NO_LINE
    evidence = kernels.evidence
    if evidence is None:
        return _SEPARATOR.join((_UNKNOWN, line))
    entries = " ".join(format_entries(kernels)) or _NONE
    row = evidence.row.replace(_SEPARATOR, ", ")
    return _SEPARATOR.join((entries, line, evidence.confidence, row, evidence.source))


def format_entries(kernels: Kernels) -> Iterable[str]:
    """Yield the architectures as compilers name them, machine code first."""
    for compute in kernels.sass:
        suffix = "a" if compute in kernels.family else ""
        yield f"sm_{compute.replace('.', '')}{suffix}"
    for compute in kernels.ptx:
        yield f"compute_{compute.replace('.', '')}"


def parse_kernels(artifact: str, text: str) -> Kernels:
    """Read a line of `format_kernels` back; raises `ValueError` for anything else."""
    entries, _, rest = text.partition(_SEPARATOR)
    if entries == _UNKNOWN:
        return Kernels(artifact=artifact, line=_parse_line(rest))
    parts = text.split(_SEPARATOR, _PARTS - 1)
    if len(parts) != _PARTS:
        raise ValueError(f"expected {_PARTS} parts, found {len(parts)}: `{text}`")
    _, line, confidence, row, source = parts
    named = [] if entries == _NONE else [_parse_entry(entry) for entry in entries.split(" ")]
    return Kernels(
        artifact=artifact,
        line=_parse_line(line),
        sass=_ordered(compute for kind, compute, _ in named if kind == "sm"),
        ptx=_ordered(compute for kind, compute, _ in named if kind == "compute"),
        family=_ordered(compute for kind, compute, exact in named if kind == "sm" and exact),
        evidence=Evidence(
            fact=f"{artifact} has {entries}", row=row, source=source, confidence=confidence
        ),
    )


def _parse_line(text: str) -> CudaLine | None:
    return None if text == _NO_LINE else CudaLine.parse(text.removeprefix("CUDA "))


def _parse_entry(entry: str) -> tuple[str, str, bool]:
    match = _ENTRY.match(entry)
    if match is None:
        raise ValueError(f"`{entry}` is no GPU architecture")
    return match[1], f"{match[2]}.{match[3]}", bool(match[4])


def _ordered(computes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(computes), key=parse_dotted))
