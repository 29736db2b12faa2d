"""The story of `verify`: look at the environment and the machine, probe, judge, seal a receipt.

Where the environment comes from is not its concern: it is a lock's, built in the store, or one that
envlock did not build, of which less can be claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.model.host import Host, ProblemLevel
from envlock.model.outcome import Level, WantedDevice
from envlock.model.package import PackageSize
from envlock.model.probe import Control, ProbeRequest, ProbeRun, StartedLine
from envlock.model.receipt import Receipt, Subject
from envlock.model.verdict import Verdict as Fit
from envlock.model.verdict import Workload
from envlock.model.verifying import Integrity, Observed, Place
from envlock.ports.reporter import Reporter
from envlock.ports.runner import ProbeListener, Runner
from envlock.verify.seal import Sealing, seal

_SYSTEM_PREFIXES = ("/", "/usr", "/usr/local")
"""Prefixes that hold much more than a Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What a person asks to be looked at."""

    level: Level = Level.TRAIN
    device: WantedDevice = WantedDevice.AUTO
    controls: tuple[Control, ...] = ()
    is_compiled: bool = False
    is_strict: bool = False
    seed: int = 1
    threads: int = 0
    data_folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTools:
    """All that a verification acts through."""

    runner: Runner
    listener: ProbeListener
    reporter: Reporter
    host: Host
    cpus: int
    library_path: str
    """LD_LIBRARY_PATH of whoever asks."""
    envlock_version: str
    now: Callable[[], str]
    seconds: Callable[[], float]
    """A clock that only runs forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An environment, with all that is known of what it should be."""

    subject: Subject
    place: Place
    integrity: Integrity | None = None
    workload: Workload | None = None
    fit: Fit | None = None
    versions: Mapping[str, str] | None = None
    """The frameworks that the lock names; None without a lock."""
    packages: tuple[PackageSize, ...] = ()
    """What it is made of, for those who want to see it."""


def verify(target: Target, request: VerifyRequest, tools: VerifyTools) -> Receipt:
    """Verify an environment. Raises `WorldError` when its Python does not run."""
    start = tools.seconds()
    present = tools.runner.frameworks(target.place.python)
    frameworks = tuple(target.versions) if target.versions else present
    wants_gpu = _wants_gpu(request.device, target, tools.host)
    gpu_problem = gpu_problem_of(tools.host) if wants_gpu else ""
    device = "gpu" if wants_gpu and not gpu_problem else "cpu"
    runs = tuple(_probe(framework, device, target, request, tools) for framework in frameworks)
    observed = Observed(
        place=_completed(target.place, runs),
        host=tools.host,
        level=request.level,
        wants_gpu=wants_gpu,
        gpu_problem=gpu_problem,
        workload=target.workload,
        fit=target.fit,
        versions=dict(target.versions or {}),
        integrity=target.integrity,
        frameworks=frameworks,
        controls=request.controls,
        is_compiled=request.is_compiled,
        is_strict=request.is_strict,
        runs=runs,
        library_path=tools.library_path,
    )
    sealing = Sealing(
        subject=target.subject,
        device=device,
        cpus=tools.cpus,
        envlock_version=tools.envlock_version,
        verified_at=tools.now(),
        seconds=round(tools.seconds() - start, 3),
    )
    return seal(observed, sealing)


def _probe(
    framework: str, device: str, target: Target, request: VerifyRequest, tools: VerifyTools
) -> ProbeRun:
    tools.reporter.step(f"{framework} on the {'GPU' if device == 'gpu' else 'CPU'}")
    asked = ProbeRequest(
        framework=framework,
        level=request.level,
        device=device,
        seed=request.seed,
        threads=request.threads,
        controls=request.controls,
        compiled=request.is_compiled,
        data_folder=request.data_folder,
    )
    return tools.runner.probe(target.place.python, asked, tools.listener)


def _wants_gpu(device: WantedDevice, target: Target, host: Host) -> bool:
    """Say whether the GPU is part of the question: asked for, or what the lock is for."""
    match device:
        case WantedDevice.GPU:
            return True
        case WantedDevice.CPU:
            return False
        case WantedDevice.AUTO:
            if target.workload is None:
                return not gpu_problem_of(host)
            return target.workload.line is not None


def gpu_problem_of(host: Host) -> str:
    """Return why no GPU of a machine can be used; empty where one can."""
    broken = next((each for each in host.problems if each.level is ProblemLevel.BROKEN), None)
    if host.driver is None:
        return "no NVIDIA driver"
    if broken is not None:
        return broken.message
    return "" if host.gpus else "no NVIDIA GPU"


def _completed(place: Place, runs: Iterable[ProbeRun]) -> Place:
    """Add what the Python itself says of where it lives."""
    lines = [line for run in runs for line in run.lines if isinstance(line, StartedLine)]
    if not lines:
        return place
    own = place.prefixes or tuple(_python_folders(lines[0].prefix, lines[0].python))
    return replace(
        place,
        prefixes=own,
        interpreter_prefixes=tuple(_python_folders(lines[0].base_prefix, lines[0].python)),
    )


def _python_folders(prefix: str, version: str) -> Iterator[str]:
    """Yield the folders that belong to a Python alone."""
    if prefix not in _SYSTEM_PREFIXES:
        yield prefix
        return
    minor = ".".join(version.split(".")[:2])
    for folder in ("lib", "lib64"):
        yield f"{prefix.rstrip('/')}/{folder}/python{minor}"
    yield f"{prefix.rstrip('/')}/lib/python3"  # Debian's packages, for every minor version
