"""The CUDA toolkit's components: which toolkit line a package's version belongs to.

Most components carry the toolkit's numbers (`cuda-cudart 12.1.105` is of 12.1); the libraries have
their own (cuFFT of 12.1 is 11.0.2, cuBLAS 13.1 is of 13.0). For those a table says what each
release ships. A version between two of its rows belongs to the lower one's line, since patches come
out later; above the newest row and below the oldest the line is unknown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from itertools import groupby

from envlock.compat.evidence import read_table
from envlock.model.version import CudaLine, parse_dotted

_PLATFORM = re.compile(r"_(linux|win)-[a-z0-9]+$")
_PART = re.compile(r"-(dev|static|impl|tools)$")
_OTHER_NAMES = {
    "gds-tools": "libcufile",  # GPUDirect Storage: both carry its number, 1.11.1.6 of 12.6
}
_BEGINNINGS = ("cuda", "gds-", "lib")
"""What every component's package begins with: a solve asks about each name of a channel."""
_OWN_NUMBERS = frozenset({"cuda-cccl-impl"})  # CCCL's version, 2.0.1, under a component's name

SHARED_COMPONENTS = frozenset(
    {
        "cuda-cccl",
        "cuda-driver-dev",
        "cuda-opencl",
        "cuda-profiler-api",
        "cuda-version",
        "libcufile",
        "libcurand",
    }
)
"""Headers, names, and libraries that are called the same in two majors: a second one of these is
untidy, and stops nothing."""
LOOSE_COMPONENTS = SHARED_COMPONENTS | {"libnvjitlink", "libnvjpeg"}
"""What NVIDIA's own metapackages leave open upwards, and nvJitLink, which serves all of a major."""

_Release = tuple[tuple[int, ...], CudaLine]


def components() -> tuple[str, ...]:
    """Return the names of all known components, sorted."""
    return tuple(sorted(_known()))


@cache
def component_of(package_name: str) -> str | None:
    """Return the toolkit component that a conda package is, or is a part of.

    `libcufft-dev` is of `libcufft`, `cuda-cudart_linux-64` of `cuda-cudart`. None for everything
    else, also for packages with `cuda` in their name that are not bound to one toolkit line; the
    facts file says which those are and why.
    """
    if package_name in _OWN_NUMBERS or not package_name.startswith(_BEGINNINGS):
        return None
    name = _PLATFORM.sub("", _OTHER_NAMES.get(package_name, package_name))
    known = _known()
    return next((base for base in (name, _PART.sub("", name)) if base in known), None)


def line_of(package_name: str, version: str) -> CudaLine | None:
    """Return the toolkit line that this version of a package belongs to.

    None where the package is not a component or the tables do not reach that version.
    """
    component = component_of(package_name)
    numbers = _numbers(version)
    if component is None or numbers is None:
        return None
    if component in _tabled():
        return _line_in(_history(component), numbers)
    return CudaLine(*numbers[:2]) if len(numbers) > 1 else None


def spec_for(component: str, line: CudaLine) -> str | None:
    """Return the conda version range that admits the versions of one toolkit line and no others.

    `cuda-cudart` of 12.1 is `>=12.1,<12.2`; `libcufft` of 12.1 is `>=11.0.2.4,<11.0.8.15`, up to
    the first version of another line. Where a component went back and forth the range has several
    stretches, joined by `|`. The newest line ends at its newest known version. None where the name
    is not a component's (see `components`) or the tables do not hold the line.
    """
    if component in _tabled():
        return _stretches(_history(component), line)
    if component in _toolkit_numbered():
        return f">={line},<{line.next}"
    return None


def _numbers(version: str) -> tuple[int, ...] | None:
    try:
        return parse_dotted(version)
    except ValueError:
        return None


def _line_in(history: tuple[_Release, ...], numbers: tuple[int, ...]) -> CudaLine | None:
    at = bisect_right(history, numbers, key=lambda release: release[0]) - 1
    if at < 0 or numbers > history[-1][0]:
        return None
    return history[at][1]


def _stretches(history: tuple[_Release, ...], line: CudaLine) -> str | None:
    runs = [(of, [release[0] for release in run]) for of, run in groupby(history, lambda r: r[1])]
    ends = [f"<{_dotted(versions[0])}" for _, versions in runs[1:]]
    ends.append(f"<={_dotted(history[-1][0])}")
    stretches = [
        f">={_dotted(versions[0])},{end}"
        for (of, versions), end in zip(runs, ends, strict=True)
        if of == line
    ]
    return "|".join(stretches) or None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


@cache
def _history(component: str) -> tuple[_Release, ...]:
    """Return every version of a tabled component with its line, by version."""
    rows = read_table("components", "release")
    return tuple(
        sorted(
            {
                (parse_dotted(row[component]), CudaLine.parse(row["toolkit"]))
                for row in rows
                if row[component]
            }
        )
    )


@cache
def _known() -> frozenset[str]:
    return _tabled() | _toolkit_numbered()


@cache
def _tabled() -> frozenset[str]:
    """Return the components that the table of releases has a column for."""
    first = read_table("components", "release")[0]
    return frozenset(first) - {"toolkit", "source", "confidence"}


@cache
def _toolkit_numbered() -> frozenset[str]:
    return frozenset(row["component"] for row in read_table("toolkit_numbered", "component"))
