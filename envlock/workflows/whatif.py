"""The story of `whatif`: committed locks and stacks on a machine that need not exist yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.compat.architectures import drives, known_computes
from envlock.compat.cloud import cloud_instances, newest_driver
from envlock.compat.fit import judge
from envlock.compat.hardware import gpu_model, near_models
from envlock.compat.workloads import workload_of_lock, workloads_of_stack
from envlock.errors import EnvlockError, Fault, InputFileError
from envlock.formats.conda_lock import read_lock
from envlock.formats.host import LARGEST_HOST_BYTES, read_host
from envlock.formats.readers.registry import recognise_name
from envlock.formats.stack_toml import LARGEST_BYTES, read_stack
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.lock import LOCK_LIMIT_BYTES, lock_path
from envlock.model.platform import Platform
from envlock.model.verdict import Evidence, Judgement, Missing, Verdict, Workload
from envlock.ports.workspace import Workspace

_STACK_ENDING = ".toml"
_OF_OTHERS = "locks of other tools are judged by `envlock audit --driver 535 --gpu H100 FILE`"
_LOCK_ENDINGS = (".yml", ".yaml")
_STEM_ENDINGS = (".conda-lock.yml", ".conda-lock.yaml", *_LOCK_ENDINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stack or a lock, as what it asks of a machine."""

    path: str
    """The file that was asked about, as it was named."""
    read: str
    """The file that is judged: a stack's lock where it has one."""
    name: str
    workloads: Mapping[Platform, Workload]

    def needs_gpu(self, platform: Platform) -> bool:
        """Say whether it computes on CUDA there."""
        workload = self.workloads.get(platform)
        return workload is not None and workload.line is not None

    @property
    def is_locked(self) -> bool:
        """Whether a lock is judged, and not a stack's wishes."""
        return self.read.endswith(_LOCK_ENDINGS)


def read_candidate(path: str, workspace: Workspace) -> Candidate:
    """Read a stack, by its lock where it has one, or a lock.

    Raises `InputFileError` or `LockError` with what is wrong with the file, `WorldError` when the
    disk refuses.
    """
    if path.endswith(_STACK_ENDING):
        lock = lock_path(path)
        if workspace.exists(lock):
            return _of_lock(path, lock, workspace)
        return _of_stack(path, workspace)
    if path.endswith(_LOCK_ENDINGS):
        return _of_lock(path, path, workspace)
    raise InputFileError(
        [
            Fault(
                where=path if path.isprintable() else ascii(path),
                problem="expected a stack, which ends in `.toml`, or a lock, which ends in `.yml`",
                hint=_OF_OTHERS if recognise_name(path) else None,
            )
        ]
    )


def read_recorded_host(path: str, workspace: Workspace) -> Host:
    """Read a recorded machine. Raises `InputFileError` with every fault."""
    return read_host(workspace.read_bytes(path, limit_bytes=LARGEST_HOST_BYTES), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A machine as it is named on a command line; what is not named stays as it is."""

    driver: str | None = None
    gpus: tuple[str, ...] = ()
    """By model name, `B200`, or by compute capability, `10.0`."""
    glibc: str | None = None
    platform: Platform | None = None
    numbering: Numbering | None = None
    wsl: bool = False


def imagine_host(wish: Wish, base: Host | None = None) -> Host:
    """Return the machine of a wish, or a recorded one with the wish's changes.

    A GPU without a driver gets the newest one that drives it: a machine that is bought or rented
    comes so. Raises `EnvlockError` for a driver or GPU that nobody knows.
    """
    refuse_versions(wish)
    gpus = tuple(map(find_gpu, wish.gpus))
    host = base or Host(name="", platform=_usual_platform(gpus))
    if wish.platform or wish.gpus:  # another machine: what the old one said of itself is gone
        host = replace(host, driver_cuda=None, problems=())
    if wish.driver:
        host = replace(host, driver=wish.driver, driver_cuda=None, problems=())
    host = replace(
        host,
        platform=wish.platform or host.platform,
        numbering=wish.numbering or host.numbering,
        wsl=wish.wsl or host.wsl,
        glibc=wish.glibc or host.glibc,
        gpus=gpus or host.gpus,
    )
    if host.driver is None and host.gpus:
        host = replace(host, driver=newest_driver([gpu.compute for gpu in host.gpus]))
    return replace(host, name=_name(wish, host, base))


def _usual_platform(gpus: Sequence[HostGpu]) -> Platform:
    """Return what machines with these GPUs are: those with a Grace processor are aarch64."""
    names = {gpu.name.casefold() for gpu in gpus}
    found = {item.platform for item in cloud_instances() if item.gpu.casefold() in names}
    return found.pop() if len(found) == 1 else Platform.LINUX_64


def suit(host: Host, workload: Workload | None) -> Host:
    """Return a machine that is not there yet as a workload would find it.

    Its glibc is the image's, and that can be chosen. Where nobody named a GPU, the workload finds
    those that it was declared for and that the driver drives: a machine with an older driver is
    none of those with a newer GPU.
    """
    if workload is None:
        return host
    driven = [item for item in workload.compute if host.driver and drives(host.driver, item)]
    declared = tuple(
        HostGpu(name=f"compute {compute}", compute=compute)
        for compute in driven or workload.compute
    )
    return replace(
        host,
        glibc=host.glibc or workload.glibc,
        macos=host.macos or workload.macos,
        gpus=host.gpus or (declared if host.driver else ()),
    )


def find_gpu(text: str) -> HostGpu:
    """Return a GPU by the name of its model or by its compute capability.

    Raises `EnvlockError` with near names when nobody knows it.
    """
    model = gpu_model(text)
    if model is not None:
        return HostGpu(name=model.name, compute=model.compute)
    if re.fullmatch(r"\d+\.\d+", text):
        raise EnvlockError(
            f"--gpu: no GPU of compute capability {text} is known",
            hints=[f"known: {', '.join(known_computes())}"],
        )
    near = " or ".join(f"`{name}`" for name in near_models(text))
    other = "name its compute capability instead, such as `--gpu 9.0`"
    raise EnvlockError(
        f"--gpu: the model `{text}` is not known",
        hints=[f"did you mean {near}?" if near else other],
    )


def refuse_versions(wish: Wish) -> None:
    """Raise `EnvlockError` for a driver or a glibc that is no version."""
    for option, value, example in (
        ("--driver", wish.driver, "580 or 580.65.06"),
        ("--glibc", wish.glibc, "2.28"),
    ):
        if value is not None and not re.fullmatch(r"\d{1,4}(\.\d{1,6}){0,3}", value, re.ASCII):
            raise EnvlockError(f"{option}: expected a version such as {example}, found `{value}`")


def _name(wish: Wish, host: Host, base: Host | None) -> str:
    if base is not None and wish == Wish():
        return base.name
    parts = [base.name] if base else []
    if wish.gpus or (not base and host.gpus):
        parts.append(" and ".join(dict.fromkeys(gpu.name for gpu in host.gpus)))
    if host.driver:
        parts.append(f"driver {host.driver}")
    if wish.wsl:
        parts.append("WSL")
    return ", ".join(parts) or "a machine without a GPU"


def judge_candidate(candidate: Candidate, host: Host) -> Verdict:
    """Return whether a candidate runs on a machine; one that is not for its platform does not."""
    workload = candidate.workloads.get(host.platform)
    if workload is not None:
        return judge(workload, host)
    remedy = f"add {host.platform} to `stack.platforms`, then solve"
    evidence = Evidence(
        fact=f"it is not {'locked' if candidate.is_locked else 'meant'} for {host.platform}",
        row=candidate.read,
        source=f"the file itself, which is for {', '.join(candidate.workloads) or 'no platform'}",
        confidence="verified",
    )
    coverage = Missing(evidence=evidence, remedy=remedy)
    return Verdict(
        workload=candidate.name,
        platform=host.platform,
        machine=host.name,
        judgements=(Judgement(subject="platform", coverage=coverage),),
    )


def _of_stack(path: str, workspace: Workspace) -> Candidate:
    stack = read_stack(workspace.read_bytes(path, limit_bytes=LARGEST_BYTES), path)
    workloads = {item.platform: item for item in workloads_of_stack(stack)}
    return Candidate(path=path, read=path, name=stack.name, workloads=workloads)


def _of_lock(path: str, lock_file: str, workspace: Workspace) -> Candidate:
    lock = read_lock(workspace.read_bytes(lock_file, limit_bytes=LOCK_LIMIT_BYTES), lock_file)
    name = _stem(lock_file)
    known = [Platform(item) for item in lock.head.platforms if item in list(Platform)]
    workloads = {platform: workload_of_lock(lock, platform, name) for platform in known}
    return Candidate(path=path, read=lock_file, name=name, workloads=workloads)


def _stem(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2]
    ending = next((item for item in _STEM_ENDINGS if name.endswith(item)), "")
    return name.removesuffix(ending) or name
