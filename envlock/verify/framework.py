"""What a framework says of itself: version, build, the devices that it sees, its kernels."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.compat.kernels import cover_gpu
from envlock.formats.kernels import parse_kernels
from envlock.model.outcome import Check, Failed, NotRun, Obligation, Outcome, Passed
from envlock.model.probe import BrokeLine, Device, Ending, FrameworkLine, ProbeRun
from envlock.model.verdict import Covered, Kernels, Missing, Unknown
from envlock.model.verifying import Observed


def judge_framework(observed: Observed, run: ProbeRun) -> Iterator[Check]:
    """Yield the checks on version, build, devices and kernels."""
    name = run.request.framework
    line = next((each for each in run.lines if isinstance(each, FrameworkLine)), None)
    if line is None:
        yield _check(name, "import", _not_imported(run))
        return
    yield Check(
        obligation=Obligation.FRAMEWORK,
        name=f"{name}.import",
        outcome=_version(observed, line),
        varying={"import_seconds": line.import_seconds},
    )
    if observed.wants_gpu or (observed.workload and observed.workload.line):
        yield _check(name, "build", _build(observed, line))
    if observed.wants_gpu:
        yield _check(name, "devices", _devices(observed, line), on_gpu=True)
        yield Check(
            obligation=Obligation.KERNELS,
            name=f"{name}.kernels",
            outcome=_kernels(observed, line),
            on_gpu=True,
        )


def _check(framework: str, what: str, outcome: Outcome, *, on_gpu: bool = False) -> Check:
    return Check(
        obligation=Obligation.FRAMEWORK, name=f"{framework}.{what}", outcome=outcome, on_gpu=on_gpu
    )


def _not_imported(run: ProbeRun) -> Outcome:
    broke = next((each for each in run.lines if isinstance(each, BrokeLine)), None)
    if broke is None and run.ending is not Ending.WHOLE:
        return NotRun(reason="the probe was cut short before it")
    said = broke.error if broke else "the probe said nothing of it"
    return Failed(said=f"it could not be imported: {said}")


def _version(observed: Observed, line: FrameworkLine) -> Outcome:
    wanted = observed.versions.get(line.framework)
    told = f"{line.version}{_build_words(line)}"
    if wanted is None:
        return Passed(said=told)
    if line.version.partition("+")[0] == wanted.partition("+")[0]:
        return Passed(said=f"{told}, as the lock has it")
    return Failed(
        said=f"the lock has {wanted}, and {line.version} was imported",
        hint="another copy stands before it on the path: `envlock why` tells who brings it",
    )


def _build_words(line: FrameworkLine) -> str:
    if not line.is_gpu_build:
        return ", a CPU build"
    words = [f"CUDA {line.cuda}" if line.cuda else "a GPU build"]
    words += [f"cuDNN {line.cudnn}"] if line.cudnn else []
    words += [f"NCCL {line.nccl}"] if line.nccl else []
    return ", " + ", ".join(words)


def _build(observed: Observed, line: FrameworkLine) -> Outcome:
    """Say whether it is a GPU build of the lock's CUDA line; that is seen without a GPU, too."""
    workload = observed.workload
    if workload is not None and workload.line is None:
        return NotRun(reason="the lock asks for no CUDA")
    if not line.is_gpu_build:
        if workload is None:
            return NotRun(reason=f"{line.framework} {line.version} is a CPU build")
        return Failed(
            said=f"{line.framework} {line.version} is a CPU build, and the lock is for CUDA "
            f"{workload.line}",
            hint="solve again: `envlock solve` takes GPU builds only",
        )
    if workload is None or workload.line is None or not line.cuda:
        return Passed(said=f"a GPU build{_build_words(line)}")
    major = line.cuda.partition(".")[0]
    if major != str(workload.line).partition(".")[0]:
        return Failed(said=f"built for CUDA {line.cuda}, and the lock is for CUDA {workload.line}")
    return Passed(said=f"built for CUDA {line.cuda}, which CUDA {workload.line} of the lock serves")


def _devices(observed: Observed, line: FrameworkLine) -> Outcome:
    if observed.gpu_problem:
        return NotRun(reason=observed.gpu_problem)
    gpus = [each for each in line.devices if each.kind == "gpu"]
    if not gpus:
        problem = f": {line.problem}" if line.problem else ""
        return Failed(said=f"it sees no GPU, and the driver sees {_gpus(observed)}{problem}")
    named = ", ".join(_named(each) for each in gpus)
    return Passed(said=f"it sees {named}")


def _gpus(observed: Observed) -> str:
    return ", ".join(gpu.name for gpu in observed.host.gpus) or "none"


def _named(device: Device) -> str:
    return f"{device.name} ({device.compute})" if device.compute else device.name


def _kernels(observed: Observed, line: FrameworkLine) -> Outcome:
    if observed.gpu_problem:
        return NotRun(reason=observed.gpu_problem)
    if not line.architectures:
        return NotRun(reason=f"{line.framework} does not say which GPUs it has code for")
    try:
        cuda = f"CUDA {line.cuda}" if line.cuda else "no CUDA"
        kernels = parse_kernels(
            f"{line.framework} {line.version}",
            f"{' '.join(line.architectures)}; {cuda}; verified; observed; the framework itself",
        )
    except ValueError:
        listed = " ".join(line.architectures)
        return NotRun(reason=f"its list of GPUs cannot be read: {listed}")
    outcomes = [_covered(observed, kernels, device) for device in line.devices if device.compute]
    if not outcomes:
        return NotRun(reason="it does not say which GPU it sees")
    for kind in (Failed, NotRun):
        found = next((each for each in outcomes if isinstance(each, kind)), None)
        if found is not None:
            return found
    return outcomes[0]


def _covered(observed: Observed, kernels: Kernels, device: Device) -> Outcome:
    found = cover_gpu(kernels, device.compute, observed.host.driver, observed.host.numbering)
    match found:
        case Covered(evidence=evidence):
            return Passed(said=evidence.fact)
        case Missing(evidence=evidence, remedy=remedy):
            return Failed(said=evidence.fact, hint=remedy)
        case Unknown(reason=reason):
            return Failed(said=reason) if observed.is_strict else NotRun(reason=reason)
