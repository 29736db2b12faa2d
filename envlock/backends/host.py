"""This machine: its system, its driver and its GPUs, from NVML and from files."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from envlock.backends.host_files import Traces, read_traces
from envlock.backends.host_nvml import NvmlAnswer, ask_nvml
from envlock.backends.host_problems import find_problems
from envlock.errors import WorldError
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.platform import Platform, System

THIS_MACHINE = "this machine"
_PLATFORMS = {
    ("linux", "x86_64"): Platform.LINUX_64,
    ("linux", "aarch64"): Platform.LINUX_AARCH64,
    ("darwin", "x86_64"): Platform.OSX_64,
    ("darwin", "arm64"): Platform.OSX_ARM64,
    ("win32", "amd64"): Platform.WIN_64,
}


class SystemFacts(Struct, frozen=True, kw_only=True):
    """What the running interpreter knows of its system."""

    system: str
    """`sys.platform`."""
    machine: str
    glibc: str | None = None
    macos: str | None = None
    kernel: str | None = None


def read_system() -> SystemFacts:
    """Return the facts of this system."""
    return SystemFacts(
        system=sys.platform,
        machine=platform.machine(),
        glibc=_glibc(),
        macos=platform.mac_ver()[0] or None,
        kernel=platform.release() or None,
    )


class MachineProbe:
    """Looks at this machine. Implements `ports.host_probe.HostProbe`."""

    def __init__(
        self,
        *,
        root: Path = Path("/"),
        environment: Mapping[str, str] = os.environ,
        nvml: Callable[[], NvmlAnswer] = ask_nvml,
        system: Callable[[], SystemFacts] = read_system,
    ) -> None:
        self._root = root
        self._environment = environment
        self._nvml = nvml
        self._system = system

    def observe(self) -> Host:
        """Return the machine as it is now; see the port."""
        facts = self._system()
        named = _PLATFORMS.get((facts.system, facts.machine.lower()))
        if named is None:
            raise WorldError(
                f"nothing can be locked for a machine of {facts.system} on {facts.machine}",
                hints=[f"envlock knows {', '.join(Platform)}"],
            )
        if named.system is System.MACOS:
            return Host(name=THIS_MACHINE, platform=named, macos=facts.macos, kernel=facts.kernel)
        on_linux = named.system is System.LINUX
        traces = self._traces() if on_linux else self._windows_traces()
        answer = self._nvml()
        return Host(
            name=THIS_MACHINE,
            platform=named,
            driver=answer.driver or traces.module_driver,
            numbering=Numbering.WINDOWS if traces.wsl or not on_linux else Numbering.LINUX,
            driver_cuda=answer.cuda,
            gpus=answer.gpus or tuple(HostGpu(name=name) for name in traces.gpu_names),
            glibc=facts.glibc,
            kernel=facts.kernel,
            wsl=traces.wsl,
            container=traces.container,
            library_path=tuple(folder.name for folder in traces.shadows),
            problems=find_problems(traces, answer),
        )

    def _traces(self) -> Traces:
        return read_traces(self._root, self._environment)

    def _windows_traces(self) -> Traces:
        """Return the one trace that Windows has, too."""
        return Traces(visible_devices=self._environment.get("CUDA_VISIBLE_DEVICES"))


def _glibc() -> str | None:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):  # no such call or name: Windows, musl
        text = " ".join(platform.libc_ver())
    kind, _, version = text.partition(" ")
    return version or None if kind == "glibc" else None
