"""Whether a driver is new enough for a CUDA line, by itself or raised by a compat package."""

from __future__ import annotations

from msgspec.structs import replace

from envlock.compat.architectures import architecture
from envlock.compat.drivers import DriverVersion, FloorRow, first_offer, minor_floor, offer_of
from envlock.compat.evidence import Confidence, read_table
from envlock.compat.forward import forward_compat
from envlock.compat.observed import compute_of, driver_of, is_jetson, observed
from envlock.compat.ptx import SYSTEMS, compiles_ptx, no
from envlock.model.host import Host, Numbering
from envlock.model.verdict import Coverage, Covered, Evidence, Missing, Unknown, Workload
from envlock.model.version import CudaLine

SYSTEM_NAMES = {Numbering.LINUX: "Linux", Numbering.WINDOWS: "Windows"}


def judge_driver(workload: Workload, line: CudaLine, host: Host) -> Coverage:
    """Say whether a machine's driver runs a CUDA line and what compiles PTX on it."""
    floor = minor_floor(line, SYSTEMS[host.numbering])
    if not host.driver:
        fact = f"{host.name} has no NVIDIA driver"
        return Missing(evidence=observed(fact), remedy=_remedy(line, floor, host))
    driver = driver_of(host)
    if driver is None:
        return Unknown(reason=f"`{host.driver}` is no driver version")
    if any(map(is_jetson, host.gpus)):
        return Unknown(
            reason="the driver of a Jetson board counts by itself: see its JetPack release"
        )
    if floor is None:
        return _by_offer(line, driver)
    evidence = _floor_evidence(floor, line, host.numbering)
    if not driver.meets(floor.driver):
        return _below_floor(workload, line, host, driver, _refusal(evidence, floor, line, host))
    return _compilers(workload, line, host, driver) or Covered(evidence=evidence)


def _refusal(evidence: Evidence, floor: FloorRow, line: CudaLine, host: Host) -> Coverage:
    """Return the refusal of a driver below the floor of a CUDA major."""
    fact = f"{evidence.fact}; the machine has {host.driver}"
    return no(replace(evidence, fact=fact), _remedy(line, floor, host))


def _by_offer(line: CudaLine, driver: DriverVersion) -> Coverage:
    """Judge a CUDA major without a row of minor-version compatibility by what the driver offers."""
    offer = offer_of(driver)
    if offer is None:
        return Unknown(reason=f"CUDA {line} is beyond the tables")
    evidence = Evidence(
        fact=f"driver {driver} offers CUDA {offer.line}",
        row=offer.row,
        source=offer.source,
        confidence=offer.confidence.value,
    )
    if offer.line >= line:
        return Covered(evidence=evidence)
    fact = f"{evidence.fact}, and CUDA {line} is newer"
    first = first_offer(line)
    remedy = f"a driver of branch {first.branch} or newer" if first else f"a driver for CUDA {line}"
    return no(replace(evidence, fact=fact), remedy)


def _floor_evidence(floor: FloorRow, line: CudaLine, numbering: Numbering) -> Evidence:
    return Evidence(
        fact=f"CUDA {line.major} runs on {SYSTEM_NAMES[numbering]} driver {floor.driver} or newer",
        row=f"drivers/minor_compat[{line.major}]",
        source=floor.source,
        confidence=floor.confidence.value,
    )


def _remedy(line: CudaLine, floor: FloorRow | None, host: Host) -> str:
    """Name the oldest driver that runs a line and drives the machine's GPUs.

    Where a GPU was left by the line, no driver helps, and an older build does.
    """
    computes = {compute_of(gpu) for gpu in host.gpus}
    rows = [row for item in computes if item and (row := architecture(item))]
    left = [row.last_line for row in rows if row.last_line and row.is_dropped_by(line)]
    if left:
        return f"a build for CUDA {min(left)} or older"
    if floor is None:
        return "an NVIDIA driver"
    floors = [floor.driver]
    if host.numbering is Numbering.LINUX:
        floors += [DriverVersion.parse(row.min_driver) for row in rows if row.min_driver]
    newest = max(floors, key=lambda driver: (driver.branch, driver.release))
    return f"driver {newest} or newer"


def _below_floor(
    workload: Workload, line: CudaLine, host: Host, driver: DriverVersion, refusal: Coverage
) -> Coverage:
    raised = forward_compat(driver, line, host) if workload.forward_compat else None
    if isinstance(raised, Missing) and isinstance(refusal, Missing):
        return replace(raised, remedy=refusal.remedy)
    return raised or refusal


def _compilers(
    workload: Workload, line: CudaLine, host: Host, driver: DriverVersion
) -> Coverage | None:
    """Judge what compiles PTX at run time; None where the driver does, or nothing compiles."""
    if not workload.compilers:
        return None
    found = compiles_ptx(driver, line, host.numbering)
    if isinstance(found, Covered):
        return None
    raised = forward_compat(driver, line, host) if workload.forward_compat else None
    if isinstance(raised, Covered):
        return raised
    names = ", ".join(workload.compilers)
    may = f"{names} may compile PTX at run time"
    if isinstance(found, Unknown):
        return Unknown(reason=f"{may}; {found.reason}", evidence=found.evidence)
    if _is_sure(workload.compilers):
        return found
    fact = f"{found.evidence.fact}, the machine has {host.driver}"
    return Unknown(
        reason=f"{may}, for which {found.remedy} is needed",
        evidence=replace(found.evidence, fact=fact),
    )


def _is_sure(packages: tuple[str, ...]) -> bool:
    """Say whether a verified row knows that one of these packages compiles PTX."""
    return any(
        row["confidence"] == Confidence.VERIFIED
        for row in read_table("ptx_compilers", "compiler")
        if row["package"] in packages
    )
