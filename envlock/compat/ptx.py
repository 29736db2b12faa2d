"""Does a driver compile a toolkit's PTX? Minor-version compatibility does not help with that.

The toolkit's own driver does, and every newer one. Where no row names that driver, as for Windows
from CUDA 13 on, what a driver's branch offers answers: it compiles the PTX of the CUDA that it
offers, and of all older ones.
"""

from __future__ import annotations

from envlock.compat.drivers import DriverVersion, FloorRow, first_offer, native_floor, offer_of
from envlock.compat.evidence import Confidence
from envlock.model.host import Numbering
from envlock.model.platform import System
from envlock.model.verdict import Coverage, Covered, Evidence, Missing, Unknown
from envlock.model.version import CudaLine

SYSTEMS = {Numbering.LINUX: System.LINUX, Numbering.WINDOWS: System.WINDOWS}


def compiles_ptx(driver: DriverVersion | None, line: CudaLine, numbering: Numbering) -> Coverage:
    """Say whether a driver compiles the PTX of a toolkit line.

    Without a driver it is covered, and the fact says which one it takes.
    """
    floor = native_floor(line, SYSTEMS[numbering])
    if floor is not None:
        return _by_floor(driver, line, floor)
    return _by_offer(driver, line)


def no(evidence: Evidence, remedy: str) -> Coverage:
    """Return a refusal, where the evidence may refuse: a recalled row only warns."""
    if evidence.confidence == Confidence.VERIFIED:
        return Missing(evidence=evidence, remedy=remedy)
    return Unknown(reason=f"{evidence.fact}, as far as is recalled", evidence=evidence)


def _by_floor(driver: DriverVersion | None, line: CudaLine, floor: FloorRow) -> Coverage:
    evidence = Evidence(
        fact=f"PTX of CUDA {line} needs driver {floor.driver} or newer",
        row=f"toolkit_drivers/toolkit_driver[{line}]",
        source=floor.source,
        confidence=floor.confidence.value,
    )
    if driver is None or driver.meets(floor.driver):
        return Covered(evidence=evidence)
    return no(evidence, f"driver {floor.driver} or newer")


def _by_offer(driver: DriverVersion | None, line: CudaLine) -> Coverage:
    offer = offer_of(driver) if driver else None
    first = first_offer(line)
    if driver is None and first is not None:
        fact = f"PTX of CUDA {line} needs a driver of branch {first.branch} or newer"
        return Covered(evidence=_evidence(fact, first.row, first.source, first.confidence))
    if offer is None:
        return Unknown(reason=f"no row says which driver compiles PTX of CUDA {line}")
    fact = f"driver {driver} offers CUDA {offer.line}"
    if offer.line >= line:
        fact = f"{fact}, and compiles PTX of CUDA {line}"
        return Covered(evidence=_evidence(fact, offer.row, offer.source, offer.confidence))
    newer = f"a driver of branch {first.branch} or newer" if first else "a newer driver"
    fact = f"{fact}, and PTX of CUDA {line} needs {newer}"
    return no(_evidence(fact, offer.row, offer.source, offer.confidence), newer)


def _evidence(fact: str, row: str, source: str, confidence: Confidence) -> Evidence:
    return Evidence(fact=fact, row=row, source=source, confidence=confidence.value)
