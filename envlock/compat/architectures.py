"""GPU architectures: the toolkit lines that compile for them, and the drivers that drive them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from envlock.compat.drivers import DriverVersion, branch_of
from envlock.compat.evidence import Confidence, confidence_of, read_table
from envlock.model.version import CudaLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One compute capability and the toolkits that compile for it."""

    compute: str
    name: str
    first_line: CudaLine
    last_line: CudaLine | None
    """None: the newest toolkit compiles for it."""
    min_driver: str = ""
    """The oldest Linux driver that drives it, `570.26` or a branch alone; empty: not known."""
    min_driver_confidence: Confidence = Confidence.RECALLED
    last_driver_branch: str = ""
    """The last driver branch that drives it, `580`; empty: the newest one does."""
    tegra: bool = False
    """A Jetson board's own: driver numbers and kernels of other machines do not hold for it."""
    source: str
    confidence: Confidence
    """Of all columns but `min_driver`, which has its own."""

    def is_dropped_by(self, line: CudaLine) -> bool:
        """Say whether a toolkit line is too new to run on this GPU."""
        return self.last_line is not None and line > self.last_line


@cache
def architecture(compute: str) -> Architecture | None:
    """Return the row of a compute capability such as `8.6`; None where it is not known."""
    for row in read_table("architectures", "architecture"):
        if row["compute"] == compute:
            last = row["last_toolkit"]
            return Architecture(
                compute=compute,
                name=row["name"],
                first_line=CudaLine.parse(row["first_toolkit"]),
                last_line=CudaLine.parse(last) if last else None,
                min_driver=row["min_driver"],
                min_driver_confidence=Confidence(row["min_driver_confidence"] or "recalled"),
                last_driver_branch=row["last_driver"],
                tegra=row["tegra"] == "yes",
                source=row["source"],
                confidence=confidence_of(row),
            )
    return None


def known_computes() -> tuple[str, ...]:
    """Return every known compute capability, the oldest first."""
    return tuple(row["compute"] for row in read_table("architectures", "architecture"))


def drives(driver: str, compute: str) -> bool:
    """Say whether a Linux driver drives a GPU, as far as the tables know.

    Raises `ValueError` where the text is no driver version.
    """
    row = architecture(compute)
    if row is None:
        return True
    version = DriverVersion.parse(driver)
    is_left = bool(row.last_driver_branch) and branch_of(version) > int(row.last_driver_branch)
    is_early = bool(row.min_driver) and not version.meets(DriverVersion.parse(row.min_driver))
    return not is_left and not is_early
