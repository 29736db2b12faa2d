"""A machine as it was observed: what `doctor` sees, and what a recorded host file holds."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from envlock.model.platform import Platform


class Numbering(StrEnum):
    """Which of NVIDIA's two series a driver version counts in."""

    LINUX = "linux"
    WINDOWS = "windows"
    """Also inside WSL, where the driver is the Windows host's."""


class GpuClass(StrEnum):
    """What a GPU was sold for: forward compatibility is for some classes only."""

    DATA_CENTER = "data-center"
    WORKSTATION = "workstation"
    CONSUMER = "consumer"
    JETSON = "jetson"
    UNKNOWN = "unknown"


class HostGpu(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GPU, or one MIG instance of a GPU."""

    name: str
    """As NVML gives it, `NVIDIA H100 80GB HBM3`; or as a person names a model, `H100`."""
    compute: str | None = None
    """Compute capability, `9.0`; None where nothing says."""
    memory_bytes: int | None = None
    mig: bool = False
    """Whether the GPU is in MIG mode: a process sees one instance of it."""
    mig_profiles: tuple[str, ...] = ()
    """The instances, such as `1g.10gb`, in order."""
    compute_mode: str | None = None
    """`default`, `exclusive-process` or `prohibited`."""
    nvlinks: int | None = None
    """How many NVLink connections are up; None where the query is not supported."""


class ProblemLevel(StrEnum):
    """How bad a finding about the machine itself is."""

    BROKEN = "broken"
    """No GPU work runs until it is mended."""
    WARNING = "warning"


class HostProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something on the machine that stands in the way, whatever the stack."""

    code: str
    """Stable, such as `driver-library-mismatch`."""
    level: ProblemLevel
    message: str
    hint: str = ""


class Host(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One machine. Names no person and no serial number; what was not seen is None."""

    name: str
    """A label: `this machine`, a file's stem, or a cloud instance type."""
    platform: Platform
    driver: str | None = None
    """The kernel driver's version, `535.183.06`; None without a driver."""
    numbering: Numbering = Numbering.LINUX
    driver_cuda: str | None = None
    """The CUDA version of the libcuda in use, `12.2`; a compat package can raise it."""
    gpus: tuple[HostGpu, ...] = ()
    glibc: str | None = None
    macos: str | None = None
    kernel: str | None = None
    wsl: bool = False
    container: str | None = None
    """`docker`, `podman`, `kubernetes`, `apptainer` …, None outside of one."""
    library_path: tuple[str, ...] = ()
    """The folders of LD_LIBRARY_PATH that hold CUDA libraries."""
    problems: tuple[HostProblem, ...] = ()
