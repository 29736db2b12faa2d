"""From what was observed to a receipt: checks, curves, and what a reader must know of both."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from envlock.model.host import Host
from envlock.model.probe import FrameworkLine, LibrariesLine, StartedLine, TrainingLine
from envlock.model.receipt import (
    Curve,
    HostLibrary,
    Receipt,
    Subject,
    VerifiedGpu,
    VerifiedHost,
    verdict_of,
)
from envlock.model.verifying import Observed
from envlock.verify.judge import judge
from envlock.verify.libraries import Role, place_libraries
from envlock.verify.sense import sift


class Sealing(Struct, frozen=True, kw_only=True):
    """What a receipt says beyond what was observed."""

    subject: Subject
    device: str
    """Where the checks ran: `gpu` or `cpu`."""
    cpus: int
    envlock_version: str
    verified_at: str
    seconds: float


def seal(observed: Observed, sealing: Sealing) -> Receipt:
    """Return the receipt of what was observed. The same observation gives the same receipt."""
    checks = judge(observed)
    observed = replace(observed, runs=tuple(sift(run)[0] for run in observed.runs))
    return Receipt(
        subject=_subject(sealing.subject, observed),
        host=_host(observed.host, sealing.cpus),
        level=observed.level,
        device=sealing.device,
        verdict=verdict_of(checks),
        checks=checks,
        curves=tuple(_curves(observed)),
        frameworks=_frameworks(observed),
        host_libraries=_host_libraries(observed),
        data=_data(observed),
        envlock_version=sealing.envlock_version,
        verified_at=sealing.verified_at,
        seconds=sealing.seconds,
    )


def _subject(subject: Subject, observed: Observed) -> Subject:
    """Add the Python of an environment that envlock did not build, as it names itself."""
    if observed.place.is_built:
        return subject
    started = [line for run in observed.runs for line in run.lines if isinstance(line, StartedLine)]
    told = f"{started[0].implementation} {started[0].python}" if started else ""
    return replace(subject, python=told)


def _host(host: Host, cpus: int) -> VerifiedHost:
    return VerifiedHost(
        platform=host.platform,
        kernel=host.kernel or "",
        glibc=host.glibc or "",
        driver=host.driver or "",
        driver_cuda=host.driver_cuda or "",
        gpus=tuple(
            VerifiedGpu(
                name=gpu.name, compute=gpu.compute or "", memory_bytes=gpu.memory_bytes or 0
            )
            for gpu in host.gpus
        ),
        container=host.container or "",
        cpus=cpus,
    )


def _curves(observed: Observed) -> Iterator[Curve]:
    for run in observed.runs:
        for line in run.lines:
            if isinstance(line, TrainingLine):
                what = "repeat" if line.run > 1 else "training"
                name = f"{run.request.framework}.{run.request.device}.{what}.{line.model}"
                yield Curve(
                    name=name,
                    losses=line.losses,
                    accuracies=line.accuracies,
                    steps=line.steps,
                    weights_sha256=line.weights_sha256,
                    control=line.control,
                )


def _frameworks(observed: Observed) -> dict[str, str]:
    found: dict[str, str] = {}
    for run in observed.runs:
        for line in run.lines:
            if isinstance(line, FrameworkLine):
                found[line.framework] = line.version
                found.update(line.libraries)
                for name in ("cuda", "cudnn", "nccl"):
                    value = getattr(line, name)
                    if value:
                        found[f"{line.framework}.{name}"] = value
            elif isinstance(line, StartedLine):
                found["python"] = line.python
    return dict(sorted(found.items()))


def _host_libraries(observed: Observed) -> tuple[HostLibrary, ...]:
    found = {
        each.library.path: HostLibrary(
            path=each.library.path, build_id=each.library.build_id, role=each.role.value
        )
        for run in observed.runs
        for line in run.lines
        if isinstance(line, LibrariesLine)
        for each in place_libraries(line.libraries, observed.place)
        if each.role is not Role.ENVIRONMENT
    }
    return tuple(found[path] for path in sorted(found))


def _data(observed: Observed) -> str:
    trained = [
        line for run in observed.runs for line in run.lines if isinstance(line, TrainingLine)
    ]
    return trained[0].data if trained else "generated"
