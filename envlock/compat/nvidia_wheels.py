"""NVIDIA's libraries as wheels: which toolkit component a distribution is, and of which line.

The versions are those of the conda packages, so the component tables serve both halves. What tells
the CUDA majors apart is the name: `nvidia-cublas-cu12`, and from 13 on plain `nvidia-cublas`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from packaging.version import InvalidVersion, Version

from envlock.compat.components import line_of
from envlock.compat.evidence import Row, read_table
from envlock.model.version import CudaLine, parse_dotted

MAJORS = (11, 12, 13)
"""The CUDA majors that have wheels."""
_FIRST_PLAIN_MAJOR = 13
"""From this one on the toolkit's own distributions carry no suffix."""
_METAPACKAGE = "cuda-toolkit"
_SUFFIXED = re.compile(r"nvidia-(?P<stem>[a-z0-9-]+)-cu(?P<major>1[1-9])")
_PLAIN = re.compile(r"nvidia-(?P<stem>[a-z0-9-]+)")


class WheelKind(StrEnum):
    """What a distribution of NVIDIA's is to a CUDA line."""

    TOOLKIT = "toolkit"
    """A component: its version says which line it is of."""
    CUDNN = "cudnn"
    NCCL = "nccl"
    OTHER = "other"
    """Made for a CUDA major, with numbers of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelComponent:
    """One of NVIDIA's distributions."""

    kind: WheelKind
    component: str | None
    """The component by its conda name, for `WheelKind.TOOLKIT`; some have no conda package."""
    cuda_major: int | None
    """None for the metapackage `cuda-toolkit`, which serves all."""


@cache
def wheel_component(distribution: str) -> WheelComponent | None:
    """Return what a distribution of NVIDIA's is, by its normalised name.

    None for all that is not made for one CUDA major, such as `nvidia-ml-py`. Whatever else ends in
    `-cu12` is made for it, in the table or not.
    """
    if distribution == _METAPACKAGE:
        return WheelComponent(kind=WheelKind.TOOLKIT, component="cuda", cuda_major=None)
    if match := _SUFFIXED.fullmatch(distribution):
        row = _rows().get(match["stem"])
        return _component(row, int(match["major"]))
    match = _PLAIN.fullmatch(distribution)
    row = _rows().get(match["stem"]) if match else None
    if row is None or row["kind"] != WheelKind.TOOLKIT:
        return None
    return _component(row, _FIRST_PLAIN_MAJOR)


def wheel_line(distribution: str, version: str) -> CudaLine | None:
    """Return the toolkit line that a version of a distribution belongs to.

    None where it is no component, where the tables do not reach that version, for placeholders
    (`0.0.1.dev5`), and for pre-releases of what has numbers of its own.
    """
    wheel = wheel_component(distribution)
    if wheel is None or wheel.component is None:
        return None
    line = _line(wheel.component, version)
    return line if line and _fits(wheel, line) else None


def distributions(major: int, *kinds: WheelKind) -> tuple[str, ...]:
    """Return the known distributions of some kinds for a CUDA major, by name."""
    rows = (row for row in _rows().values() if row["kind"] in kinds)
    return tuple(sorted(_named(row, major) for row in rows if str(major) in row["majors"].split()))


def specifiers_for(distribution: str, line: CudaLine, *, or_newer: bool = False) -> str | None:
    """Return PEP 440 specifiers that admit the versions of one toolkit line and no others.

    With `or_newer` also those of newer minors of its major. PEP 440 has no "or": where a component
    went back and forth between lines, the range spans the stretches and each known version of
    another line is left out by name. The newest line ends at its newest known version. None where
    the distribution is no component of that major, or the tables do not hold the line.
    """
    wheel = wheel_component(distribution)
    if wheel is None or wheel.component is None or not _fits(wheel, line):
        return None
    if not _is_tabled(wheel.component):
        return f">={line},<{line.major + 1 if or_newer else line.next}"

    def admits(other: CudaLine) -> bool:
        newer = or_newer and other.major == line.major and other > line
        return other == line or newer

    history = _history(wheel.component)
    if line not in {of for _, of in history}:
        return None
    return _spanning(history, admits)


def _component(row: Row | None, major: int) -> WheelComponent:
    kind = WheelKind(row["kind"]) if row else WheelKind.OTHER
    component = row["component"] if row else ""
    return WheelComponent(kind=kind, component=component or None, cuda_major=major)


def _named(row: Row, major: int) -> str:
    plain = row["kind"] == WheelKind.TOOLKIT and major >= _FIRST_PLAIN_MAJOR
    return f"nvidia-{row['stem']}" if plain else f"nvidia-{row['stem']}-cu{major}"


def _fits(wheel: WheelComponent, line: CudaLine) -> bool:
    return wheel.cuda_major in {None, line.major}


def _line(component: str, version: str) -> CudaLine | None:
    try:
        parsed = Version(version)
    except InvalidVersion:
        return None
    if not _is_tabled(component):
        return CudaLine(*parsed.release[:2]) if len(parsed.release) > 1 else None
    # A release candidate comes before the first version that the tables have of its line.
    return None if parsed.is_prerelease else line_of(component, version)


def _is_tabled(component: str) -> bool:
    """Whether a component has numbers of its own; all others count with the toolkit."""
    return component in read_table("components", "release")[0]


@cache
def _history(component: str) -> tuple[tuple[str, CudaLine], ...]:
    """Return every known version of a component with its line, by version."""
    rows = read_table("components", "release")
    versions = sorted({row[component] for row in rows if row[component]}, key=parse_dotted)
    return tuple((version, line) for version in versions if (line := line_of(component, version)))


def _spanning(history: Iterable[tuple[str, CudaLine]], admits: Callable[[CudaLine], bool]) -> str:
    """Return the range from the first admitted version to the end of the last stretch of them."""
    known = list(history)
    at = [number for number, (_, line) in enumerate(known) if admits(line)]
    first, last = at[0], at[-1]
    end = f"<{known[last + 1][0]}" if last + 1 < len(known) else f"<={known[last][0]}"
    others = [version for version, line in known[first:last] if not admits(line)]
    return ",".join((f">={known[first][0]}", end, *(f"!={version}.*" for version in others)))


@cache
def _rows() -> dict[str, Row]:
    return {row["stem"]: row for row in read_table("nvidia_wheels", "wheel")}
