"""GPU architectures: which toolkit lines have machine code for a compute capability."""

from __future__ import annotations

from dataclasses import dataclass

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
    source: str
    confidence: Confidence

    def is_dropped_by(self, line: CudaLine) -> bool:
        """Say whether a toolkit line is too new to run on this GPU."""
        return self.last_line is not None and line > self.last_line


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
                source=row["source"],
                confidence=confidence_of(row),
            )
    return None
