"""Ask NVML from a child process that may hang or crash without harm."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from envlock.model.host import HostGpu

TIMEOUT_SECONDS = 10.0
"""A busy machine with eight GPUs answers within two; without persistence mode it takes longer."""

NVML_PLACES = (
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/run/opengl-driver/lib/libnvidia-ml.so.1",
    "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
)
"""WSL, NixOS and GKE, where the loader finds it with the right configuration only. Every child that
asks NVML is given them."""
HANGS = "Hangs"
CRASHED = "Crashed"
_PROGRAM = Path(__file__).with_name("pynvml_host.py")
_REAPING_SECONDS = 0.5
_THOUSAND, _TEN = 1000, 10
_COMPUTE_MODES = {
    0: "default",
    1: "exclusive-thread",
    2: "prohibited",
    3: "exclusive-process",
}


class NvmlAnswer(Struct, frozen=True, kw_only=True):
    """What NVML says of a machine."""

    driver: str | None = None
    cuda: str | None = None
    gpus: tuple[HostGpu, ...] = ()
    lost: int = 0
    """How many GPUs the driver counts and cannot open."""
    fault: str | None = None
    """Why NVML says nothing: the name of its error, `Hangs` or `Crashed`."""


class _RawGpu(Struct):
    name: str | None = None
    compute: tuple[int, int] | None = None
    memory_bytes: int | None = None
    mig: bool = False
    mig_profiles: tuple[str, ...] = ()
    compute_mode: int | None = None
    nvlinks: int | None = None


class _RawAnswer(Struct):
    driver: str | None = None
    cuda: int | None = None
    gpus: tuple[_RawGpu, ...] = ()
    lost: int = 0
    fault: str | None = None


def ask_nvml(
    program: Path = _PROGRAM,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> NvmlAnswer:
    """Return NVML's answer about this machine; whatever goes wrong is its `fault`."""
    # -P: the script's own folder is not searched, where `conda_lock.py` is not conda-lock's.
    try:
        child = subprocess.Popen(  # noqa: S603 - our own file and interpreter
            [sys.executable, "-P", str(program), *NVML_PLACES],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return NvmlAnswer(fault=CRASHED)
    try:
        output, _ = child.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _leave(child)
        return NvmlAnswer(fault=HANGS)
    if child.returncode != 0:
        return NvmlAnswer(fault=CRASHED)
    return read_answer(output)


def read_answer(output: bytes) -> NvmlAnswer:
    """Return the child's output as an answer; what is no answer is a crash."""
    try:
        raw = msgspec.json.decode(output, type=_RawAnswer)
    except msgspec.MsgspecError:
        return NvmlAnswer(fault=CRASHED)
    return NvmlAnswer(
        driver=raw.driver,
        cuda=_dotted(raw.cuda),
        gpus=tuple(map(_gpu, raw.gpus)),
        lost=raw.lost,
        fault=raw.fault,
    )


def _leave(child: subprocess.Popen[bytes]) -> None:
    """Kill a child, and go on even when it cannot die: a call can be stuck inside the kernel."""
    child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=_REAPING_SECONDS)
    if child.stdout:
        child.stdout.close()


def _dotted(cuda: int | None) -> str | None:
    """Return 12020 as `12.2`."""
    return f"{cuda // _THOUSAND}.{cuda % _THOUSAND // _TEN}" if cuda else None


def _gpu(raw: _RawGpu) -> HostGpu:
    return HostGpu(
        name=raw.name or "unnamed GPU",
        compute=".".join(map(str, raw.compute)) if raw.compute else None,
        memory_bytes=raw.memory_bytes,
        mig=raw.mig,
        mig_profiles=raw.mig_profiles,
        compute_mode=_COMPUTE_MODES.get(raw.compute_mode) if raw.compute_mode is not None else None,
        nvlinks=raw.nvlinks,
    )
