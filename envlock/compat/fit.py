"""Will a workload run on a machine? One judgement for each need, each with the row that decides.

Four floors are kept apart. The minor-version floor: compiled code of any minor runs from the
major's first driver on. The native floor: a toolkit's own driver, needed by what compiles PTX while
it runs. The PTX floor: the same, for a GPU that an artifact has only PTX for. Forward
compatibility: a newer user-space driver beside an older kernel driver, for some GPUs and base
branches, and only where the stack asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.compat.driver_fit import judge_driver
from envlock.compat.gpu_fit import judge_gpus
from envlock.compat.kernels import cover_gpu
from envlock.compat.observed import observed
from envlock.model.host import Host
from envlock.model.verdict import Coverage, Covered, Judgement, Missing, Unknown, Verdict, Workload
from envlock.model.version import CudaLine, parse_dotted

__all__ = ["cover_gpu", "judge"]


def judge(workload: Workload, host: Host) -> Verdict:
    """Return a verdict on every need that a workload has of a machine. Never raises."""
    judgements = [_platform(workload, host), *_libraries(workload, host)]
    if workload.line is not None:
        judgements += _gpu_needs(workload, workload.line, host)
    else:
        judgements += _unknown_code(workload)
    return Verdict(
        workload=workload.name,
        platform=workload.platform,
        machine=host.name,
        judgements=tuple(judgements),
    )


def _gpu_needs(workload: Workload, line: CudaLine, host: Host) -> Iterable[Judgement]:
    yield Judgement(subject="driver", coverage=judge_driver(workload, line, host))
    if not host.gpus:
        missing = Missing(
            evidence=observed(f"{host.name} has no NVIDIA GPU"), remedy="a machine with a GPU"
        )
        yield Judgement(subject="GPU", coverage=missing)
    yield from judge_gpus(workload, line, host)


def _unknown_code(workload: Workload) -> Iterable[Judgement]:
    """Leave it open whether a framework that no table knows needs a GPU."""
    for kernels in workload.kernels:
        if kernels.evidence is None:
            reason = f"nobody knows whether {kernels.artifact} was built for CUDA"
            yield Judgement(subject="GPU code", coverage=Unknown(reason=reason))


def _platform(workload: Workload, host: Host) -> Judgement:
    if workload.platform is host.platform:
        told = f"{host.name} is {host.platform}" + (", under WSL 2" if host.wsl else "")
        return Judgement(subject="platform", coverage=Covered(evidence=observed(told)))
    fact = f"{workload.name} is for {workload.platform}, the machine is {host.platform}"
    missing = Missing(evidence=observed(fact), remedy=f"solve it for {host.platform} too")
    return Judgement(subject="platform", coverage=missing)


def _libraries(workload: Workload, host: Host) -> Iterable[Judgement]:
    floors = (("glibc", workload.glibc, host.glibc), ("macOS", workload.macos, host.macos))
    for name, wanted, found in floors:
        if wanted is not None:
            yield Judgement(subject=name, coverage=_library(name, wanted, found))


def _library(name: str, wanted: str, found: str | None) -> Coverage:
    if found is None:
        return Unknown(reason=f"the machine's {name} was not seen")
    try:
        is_enough = parse_dotted(found) >= parse_dotted(wanted)
    except ValueError:
        return Unknown(reason=f"{name} `{found}` cannot be compared with `{wanted}`")
    if is_enough:
        return Covered(evidence=observed(f"{name} {found} is {wanted} or newer"))
    fact = f"{name} {wanted} or newer is needed, the machine has {found}"
    return Missing(evidence=observed(fact), remedy=f"{name} {wanted} or newer")
