"""Will a workload run on a machine? One judgement for each need, each with the row that decides.

Four floors are kept apart. The minor-version floor: compiled code of any minor runs from the
major's first driver on. The native floor: a toolkit's own driver, needed by what compiles PTX while
it runs. The PTX floor: the same, for a GPU that an artifact has only PTX for. Forward
compatibility: a newer user-space driver beside an older kernel driver, for some GPUs and base
branches, and only where the stack asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.compat.architectures import Architecture, architecture
from envlock.compat.drivers import (
    DriverVersion,
    FloorRow,
    cuda_of_driver,
    minor_floor,
    native_floor,
)
from envlock.compat.evidence import Confidence
from envlock.compat.forward import may_use_forward_compat
from envlock.compat.hardware import gpu_model
from envlock.compat.kernels import SYSTEMS, cover_gpu, no
from envlock.model.host import GpuClass, Host, HostGpu, Numbering
from envlock.model.platform import System
from envlock.model.verdict import (
    Coverage,
    Covered,
    Evidence,
    Judgement,
    Missing,
    Unknown,
    Verdict,
    Workload,
)
from envlock.model.version import CudaLine, parse_dotted

__all__ = ["cover_gpu", "judge"]

_OBSERVED = "the machine itself"
_SEEN = "observed"


def judge(workload: Workload, host: Host) -> Verdict:
    """Return a verdict on every need that a workload has of a machine. Never raises."""
    judgements = [_platform(workload, host), *_libraries(workload, host)]
    if workload.line is not None:
        judgements += _gpu_needs(workload, workload.line, host)
    return Verdict(
        workload=workload.name,
        platform=workload.platform,
        machine=host.name,
        judgements=tuple(judgements),
    )


def _gpu_needs(workload: Workload, line: CudaLine, host: Host) -> Iterable[Judgement]:
    yield Judgement(subject="driver", coverage=_driver(workload, line, host))
    if not host.gpus:
        coverage: Coverage = Missing(
            evidence=_observed(f"{host.name} has no NVIDIA GPU"), remedy="a machine with a GPU"
        )
        yield Judgement(subject="GPU", coverage=coverage)
    for gpu in dict.fromkeys(host.gpus):
        for subject, coverage in _gpu(workload, line, gpu, host):
            yield Judgement(subject=subject, coverage=coverage)


def _observed(fact: str) -> Evidence:
    return Evidence(fact=fact, row=_SEEN, source=_OBSERVED, confidence=Confidence.VERIFIED.value)


def _platform(workload: Workload, host: Host) -> Judgement:
    if workload.platform is host.platform:
        told = f"{host.name} is {host.platform}" + (", under WSL 2" if host.wsl else "")
        return Judgement(subject="platform", coverage=Covered(evidence=_observed(told)))
    evidence = _observed(
        f"{workload.name} is for {workload.platform}, the machine is {host.platform}"
    )
    remedy = f"solve it for {host.platform} too"
    return Judgement(subject="platform", coverage=Missing(evidence=evidence, remedy=remedy))


def _libraries(workload: Workload, host: Host) -> Iterable[Judgement]:
    floors = (("glibc", workload.glibc, host.glibc), ("macOS", workload.macos, host.macos))
    for name, wanted, found in floors:
        if wanted is None:
            continue
        if found is None:
            coverage: Coverage = Unknown(reason=f"the machine's {name} was not seen")
        elif parse_dotted(found) >= parse_dotted(wanted):
            coverage = Covered(evidence=_observed(f"{name} {found} is {wanted} or newer"))
        else:
            evidence = _observed(f"{name} {wanted} or newer is needed, the machine has {found}")
            coverage = Missing(evidence=evidence, remedy=f"{name} {wanted} or newer")
        yield Judgement(subject=name, coverage=coverage)


def _driver(workload: Workload, line: CudaLine, host: Host) -> Coverage:
    floor = minor_floor(line, SYSTEMS[host.numbering])
    if host.driver is None:
        needed = f"driver {floor.driver} or newer" if floor else "an NVIDIA driver"
        return Missing(evidence=_observed(f"{host.name} has no NVIDIA driver"), remedy=needed)
    driver = _parse(host.driver)
    if driver is None:
        return Unknown(reason=f"`{host.driver}` is no driver version")
    if any(map(_is_jetson, host.gpus)):
        return Unknown(
            reason="the driver of a Jetson board counts by itself: see its JetPack release"
        )
    if floor is None:
        return _beyond_tables(line, host.driver)
    evidence = _floor_evidence(floor, line, host.numbering)
    if not driver.meets(floor.driver):
        return _below_floor(workload, line, host, evidence, floor)
    return _compilers(workload, line, host, driver) or Covered(evidence=evidence)


def _parse(text: str) -> DriverVersion | None:
    try:
        return DriverVersion.parse(text)
    except ValueError:
        return None


def _beyond_tables(line: CudaLine, driver: str) -> Coverage:
    """Judge a CUDA major that no minor-version row is known of by what the driver offers."""
    offered = cuda_of_driver(driver)
    if offered and offered.major < line.major:
        evidence = Evidence(
            fact=f"driver {driver} offers CUDA {offered}, and CUDA {line} is of a newer major",
            row=f"drivers/driver_cuda[{DriverVersion.parse(driver).branch}]",
            source="the driver table",
            confidence=Confidence.VERIFIED.value,
        )
        return Missing(evidence=evidence, remedy=f"a driver that offers CUDA {line.major}")
    return Unknown(reason=f"CUDA {line} is beyond the tables")


def _floor_evidence(floor: FloorRow, line: CudaLine, numbering: Numbering) -> Evidence:
    return Evidence(
        fact=f"CUDA {line.major} runs on {SYSTEM_NAMES[numbering]} driver {floor.driver} or newer",
        row=f"drivers/minor_compat[{line.major}]",
        source=floor.source,
        confidence=floor.confidence.value,
    )


SYSTEM_NAMES = {Numbering.LINUX: "Linux", Numbering.WINDOWS: "Windows"}


def _below_floor(
    workload: Workload, line: CudaLine, host: Host, evidence: Evidence, floor: FloorRow
) -> Coverage:
    remedy = f"driver {floor.driver} or newer"
    if workload.forward_compat and host.platform.system is System.LINUX:
        answers = [may_use_forward_compat(host.driver or "", line, gpu, host) for gpu in host.gpus]
        bad = [item for item in answers if not isinstance(item, Covered)]
        if answers:
            return bad[0] if bad else answers[0]
    fact = f"{evidence.fact}; the machine has {host.driver}"
    told = Evidence(
        fact=fact, row=evidence.row, source=evidence.source, confidence=evidence.confidence
    )
    return no(told, remedy)


def _compilers(
    workload: Workload, line: CudaLine, host: Host, driver: DriverVersion
) -> Coverage | None:
    """Warn where something compiles PTX at run time and the driver is older than the toolkit."""
    floor = native_floor(line, SYSTEMS[host.numbering])
    if not workload.compilers or floor is None or driver.meets(floor.driver):
        return None
    names = ", ".join(workload.compilers)
    evidence = Evidence(
        fact=f"PTX of CUDA {line} needs driver {floor.driver} or newer, the machine has "
        f"{host.driver}",
        row=f"toolkit_drivers/toolkit_driver[{line}]",
        source=floor.source,
        confidence=floor.confidence.value,
    )
    return Unknown(
        reason=f"{names} may compile PTX at run time, for which driver {floor.driver} or newer is "
        "needed",
        evidence=evidence,
    )


def _gpu(
    workload: Workload, line: CudaLine, gpu: HostGpu, host: Host
) -> Iterable[tuple[str, Coverage]]:
    compute = gpu.compute or _compute_of(gpu.name)
    subject = f"GPU {gpu.name} ({compute})" if compute else f"GPU {gpu.name}"
    if compute is None:
        yield subject, Unknown(reason=f"`{gpu.name}` is not among the known GPU models")
        return
    row = architecture(compute)
    problems = list(_architecture(row, compute, line, host)) if row else []
    if problems:
        yield subject, problems[0]
        return
    if not workload.kernels:
        yield subject, _without_kernels(row, compute, line)
    for kernels in workload.kernels:
        coverage = cover_gpu(kernels, compute, host.driver, host.numbering)
        yield subject, _noting_mig(coverage, gpu)


def _is_jetson(gpu: HostGpu) -> bool:
    compute = gpu.compute or _compute_of(gpu.name)
    row = architecture(compute) if compute else None
    model = gpu_model(gpu.name)
    return (row is not None and row.tegra) or (
        model is not None and model.gpu_class is GpuClass.JETSON
    )


def _compute_of(name: str) -> str | None:
    model = gpu_model(name)
    return model.compute if model else None


def _noting_mig(coverage: Coverage, gpu: HostGpu) -> Coverage:
    if not gpu.mig or not isinstance(coverage, Covered):
        return coverage
    found = coverage.evidence
    fact = f"{found.fact}; a process sees one MIG instance, of the same compute capability"
    return Covered(
        evidence=Evidence(
            fact=fact, row=found.row, source=found.source, confidence=found.confidence
        )
    )


def _architecture(
    row: Architecture, compute: str, line: CudaLine, host: Host
) -> Iterable[Coverage]:
    """Yield what keeps a GPU from working with a toolkit line or a driver at all."""
    place = f"architectures/architecture[{compute}]"

    def evidence(fact: str, confidence: Confidence = row.confidence) -> Evidence:
        return Evidence(fact=fact, row=place, source=row.source, confidence=confidence.value)

    if row.is_dropped_by(line):
        fact = (
            f"CUDA {line} has left {row.name} ({compute}); the last line for it is {row.last_line}"
        )
        yield no(evidence(fact), f"a build for CUDA {row.last_line} or older, or a newer GPU")
    driver = _parse(host.driver) if host.driver else None
    if driver is None or host.numbering is Numbering.WINDOWS:
        return
    if row.last_driver_branch and driver.branch > int(row.last_driver_branch):
        fact = f"driver {row.last_driver_branch} is the last for {row.name} ({compute})"
        yield no(evidence(f"{fact}, the machine has {host.driver}"), _newest_of(row))
    if row.min_driver and not driver.meets(DriverVersion.parse(row.min_driver)):
        fact = f"{row.name} ({compute}) needs driver {row.min_driver} or newer"
        told = evidence(f"{fact}, the machine has {host.driver}", row.min_driver_confidence)
        yield no(told, f"driver {row.min_driver} or newer")


def _newest_of(row: Architecture) -> str:
    return f"a driver of branch {row.last_driver_branch}"


def _without_kernels(row: Architecture | None, compute: str, line: CudaLine) -> Coverage:
    """Judge a GPU by the toolkit alone, where no framework brings GPU code of its own."""
    if row is None:
        return Unknown(reason=f"compute capability {compute} is beyond the tables")
    place = f"architectures/architecture[{compute}]"
    if line < row.first_line:
        fact = f"CUDA {line} compiles nothing for {row.name} ({compute}); {row.first_line} does"
    else:
        fact = f"CUDA {line} compiles for {row.name} ({compute})"
    evidence = Evidence(fact=fact, row=place, source=row.source, confidence=row.confidence.value)
    if line < row.first_line:
        return Unknown(reason=f"{fact}; PTX may do", evidence=evidence)
    return Covered(evidence=evidence)
