"""Whether each GPU works with a CUDA line and a driver, and finds code for itself."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from envlock.compat.architectures import Architecture, architecture
from envlock.compat.drivers import DriverVersion, branch_of
from envlock.compat.evidence import Confidence
from envlock.compat.forward import forward_compat
from envlock.compat.kernels import cover_gpu, needs_ptx
from envlock.compat.observed import compute_of, driver_of, is_jetson
from envlock.compat.ptx import no
from envlock.compat.remedies import known_build
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.verdict import (
    Coverage,
    Covered,
    Evidence,
    Judgement,
    Kernels,
    Missing,
    Unknown,
    Workload,
)
from envlock.model.version import CudaLine


def judge_gpus(workload: Workload, line: CudaLine, host: Host) -> Iterable[Judgement]:
    """Judge each kind of GPU once: the toolkit, the driver, and the code of every framework."""
    kinds = {(gpu.name, gpu.compute, gpu.mig): gpu for gpu in host.gpus}
    for gpu in kinds.values():
        compute = compute_of(gpu)
        subject = f"GPU {gpu.name} ({compute})" if compute else f"GPU {gpu.name}"
        for coverage in _gpu(workload, line, gpu, host):
            yield Judgement(subject=subject, coverage=_noting_mig(coverage, gpu))


def _gpu(workload: Workload, line: CudaLine, gpu: HostGpu, host: Host) -> Iterable[Coverage]:
    compute = compute_of(gpu)
    if compute is None:
        yield Unknown(reason=f"`{gpu.name}` is not among the known GPU models")
        return
    row = architecture(compute)
    problems = list(_architecture(row, workload, line, host)) if row else []
    refusals = [item for item in problems if isinstance(item, Missing)]
    if refusals:
        yield refusals[0]
        return
    yield from problems
    if not workload.kernels:
        yield _without_kernels(row, compute, line)
    for kernels in workload.kernels:
        yield _code(workload, kernels, compute, gpu, host)


def _code(workload: Workload, kernels: Kernels, compute: str, gpu: HostGpu, host: Host) -> Coverage:
    driver = driver_of(host)
    if needs_ptx(kernels, compute) and kernels.evidence and is_jetson(gpu):
        reason = (
            f"{kernels.artifact} has only PTX for {compute}, and the driver of a Jetson "
            "board counts by itself"
        )
        return Unknown(reason=reason, evidence=kernels.evidence)
    found = cover_gpu(kernels, compute, driver.text if driver else None, host.numbering)
    if isinstance(found, Covered):
        return found
    if driver and workload.forward_compat and needs_ptx(kernels, compute):
        return _raised(workload, kernels, driver, host, found)
    if isinstance(found, Missing) and not needs_ptx(kernels, compute):
        better = known_build(kernels, compute, workload.platform, driver, host.numbering)
        return (
            replace(found, remedy=f"a build with kernels for {compute}: {better}")
            if better
            else found
        )
    return found


def _raised(
    workload: Workload, kernels: Kernels, driver: DriverVersion, host: Host, found: Coverage
) -> Coverage:
    """Let a compat package compile PTX that is no newer than itself."""
    if workload.line is None or kernels.line is None or kernels.line > workload.line:
        return found
    raised = forward_compat(driver, workload.line, host)
    return found if raised is None or isinstance(raised, Missing) else raised


def _architecture(
    row: Architecture, workload: Workload, line: CudaLine, host: Host
) -> Iterable[Coverage]:
    """Yield what keeps a GPU from working with a toolkit line or a driver at all."""
    driver = driver_of(host)
    named = f"{row.name} ({row.compute})"
    if row.is_dropped_by(line):
        fact = f"CUDA {line} has left {named}; the last line for it is {row.last_line}"
        yield no(_evidence(row, fact), _older_build(row, workload, driver, host))
    if driver is None:
        return
    has = f"the machine has {host.driver}"
    if row.last_driver_branch and branch_of(driver) > int(row.last_driver_branch):
        fact = f"driver {row.last_driver_branch} is the last for {named}, {has}"
        yield no(_evidence(row, fact), f"a driver of branch {row.last_driver_branch}")
    if row.min_driver:
        yield from _too_old(row, named, driver, host)


def _too_old(
    row: Architecture, named: str, driver: DriverVersion, host: Host
) -> Iterable[Coverage]:
    """Yield the refusal of a driver older than the GPU; Windows' own numbers are in no table."""
    first = DriverVersion.parse(row.min_driver)
    has = f"the machine has {host.driver}"
    if host.numbering is Numbering.LINUX and not driver.meets(first):
        fact = f"{named} needs driver {first} or newer, {has}"
        yield no(_evidence(row, fact, row.min_driver_confidence), f"driver {first} or newer")
    elif host.numbering is Numbering.WINDOWS and branch_of(driver) < first.branch:
        fact = f"{named} needs a driver of branch {first.branch} or newer, {has}"
        remedy = f"a driver of branch {first.branch} or newer"
        yield no(_evidence(row, fact, Confidence.RECALLED), remedy)


def _older_build(
    row: Architecture, workload: Workload, driver: DriverVersion | None, host: Host
) -> str:
    builds = (
        known_build(kernels, row.compute, workload.platform, driver, host.numbering)
        for kernels in workload.kernels
    )
    named = next((f": {build}" for build in builds if build), "")
    return f"a build for CUDA {row.last_line} or older{named}, or a newer GPU"


def _without_kernels(row: Architecture | None, compute: str, line: CudaLine) -> Coverage:
    """Judge a GPU by the toolkit alone, where no framework brings GPU code of its own."""
    if row is None:
        return Unknown(reason=f"compute capability {compute} is beyond the tables")
    if line < row.first_line:
        fact = f"CUDA {line} compiles nothing for {row.name} ({compute}); {row.first_line} does"
        return Unknown(reason=f"{fact}; PTX may do", evidence=_evidence(row, fact))
    return Covered(evidence=_evidence(row, f"CUDA {line} compiles for {row.name} ({compute})"))


def _evidence(row: Architecture, fact: str, confidence: Confidence | None = None) -> Evidence:
    return Evidence(
        fact=fact,
        row=f"architectures/architecture[{row.compute}]",
        source=row.source,
        confidence=(confidence or row.confidence).value,
    )


def _noting_mig(coverage: Coverage, gpu: HostGpu) -> Coverage:
    if not gpu.mig or coverage.evidence is None:
        return coverage
    told = "; a process sees one MIG instance, of the same compute capability"
    return replace(
        coverage, evidence=replace(coverage.evidence, fact=coverage.evidence.fact + told)
    )
