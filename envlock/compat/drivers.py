"""NVIDIA drivers: what CUDA a driver offers, and the oldest driver that a toolkit line runs on.

Two numberings are in use, Linux and Windows (WSL reports the Windows one). Both name their branch
first, and a Windows number lies a little above the Linux branch that it belongs to, so one table of
branches serves both; floors differ and are asked for by system.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.model.platform import System
from envlock.model.version import CudaLine, parse_dotted

_BRANCH_WIDTH = 5
"""How far numbers of the newest known branch reach: branches are at least five apart."""


@dataclass(frozen=True, slots=True)
class DriverVersion:
    """A driver's version: a branch alone (`535`) or a release of it (`535.183.06`)."""

    text: str
    branch: int
    release: tuple[int, ...] = ()
    """The numbers after the branch; empty where only the branch is known."""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> DriverVersion:
        """Read a driver version; raises `ValueError` where it does not start with a number."""
        branch, *release = parse_dotted(text)
        return cls(text, branch, tuple(release))

    def meets(self, floor: DriverVersion) -> bool:
        """Whether this driver is at least as new as `floor`; both of one numbering.

        The branch decides. Releases of one branch are compared where both name theirs; a branch
        alone stands for its newest release.
        """
        if self.branch != floor.branch or not self.release or not floor.release:
            return self.branch >= floor.branch
        return self.release >= floor.release


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRow:
    """An oldest driver, in the numbering of the system that was asked about."""

    driver: DriverVersion
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """What the drivers of a branch offer by themselves, in both numberings."""

    branch: int
    line: CudaLine
    """The newest CUDA; everything older runs too, and PTX of all of it is compiled."""
    source: str
    confidence: Confidence

    @property
    def row(self) -> str:
        """Where it stands."""
        return f"drivers/driver_cuda[{self.branch}]"


def cuda_of_driver(driver: str) -> CudaLine | None:
    """Return the newest CUDA line that a driver offers by itself.

    None for drivers older or newer than the table. Raises `ValueError` where the text is no driver
    version. A compatibility package on the library path can raise what a process sees.
    """
    offer = offer_of(DriverVersion.parse(driver))
    return offer.line if offer else None


def offer_of(driver: DriverVersion) -> OfferRow | None:
    """Return what a driver offers; None for drivers older or newer than the table."""
    rows = _offers()
    at = bisect_right(rows, driver.branch, key=lambda row: row.branch) - 1
    if at < 0 or driver.branch >= rows[-1].branch + _BRANCH_WIDTH:
        return None
    return rows[at]


def first_offer(line: CudaLine) -> OfferRow | None:
    """Return the oldest branch that offers a line; None for lines newer than the table."""
    return next((row for row in _offers() if row.line >= line), None)


def branch_of(driver: DriverVersion) -> int:
    """Return the branch that a driver is of: Windows numbers lie a little above their branch's."""
    offer = offer_of(driver)
    return offer.branch if offer else driver.branch


def minor_floor(line: CudaLine, system: System) -> FloorRow | None:
    """Return the oldest driver for compiled kernels of any minor of the line's major.

    Not enough where PTX is compiled at run time: see `native_floor`. None where no row is known.
    """
    rows = read_table("drivers", "minor_compat")
    return next((_floor(row, system) for row in rows if row["cuda_major"] == str(line.major)), None)


def native_floor(line: CudaLine, system: System) -> FloorRow | None:
    """Return the oldest driver with all features of a line, its PTX included.

    It is the driver of the line's first general release. None where no row is known: NVIDIA names
    none for Windows from 13.0 on.
    """
    rows = read_table("toolkit_drivers", "toolkit_driver")
    own = (row for row in rows if CudaLine.parse(row["toolkit"]) == line)
    first = min(own, key=lambda row: parse_dotted(row["toolkit"]), default=None)
    return _floor(first, system) if first else None


def _floor(row: Row, system: System) -> FloorRow | None:
    text = "" if system is System.MACOS else row[_COLUMNS[system]]
    if not text:
        return None
    return FloorRow(
        driver=DriverVersion.parse(text), source=row["source"], confidence=confidence_of(row)
    )


_COLUMNS = {System.LINUX: "linux", System.WINDOWS: "windows"}


@cache
def _offers() -> tuple[OfferRow, ...]:
    rows = (
        OfferRow(
            branch=int(row["branch"]),
            line=CudaLine.parse(row["cuda"]),
            source=row["source"],
            confidence=confidence_of(row),
        )
        for row in read_table("drivers", "driver_cuda")
    )
    return tuple(sorted(rows, key=lambda row: row.branch))
