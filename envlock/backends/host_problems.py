"""What stands in the way on a machine, whatever the stack: rules over traces and NVML's answer.

A code is stable and says what is wrong; BROKEN is what keeps all GPU work from running. A machine
without a GPU has no problem: that is said elsewhere, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from envlock.backends.host_files import Traces
from envlock.backends.host_nvml import CRASHED, HANGS, TIMEOUT_SECONDS, NvmlAnswer
from envlock.compat.drivers import DriverVersion
from envlock.model.host import HostProblem, ProblemLevel

_LIBRARY_NOT_FOUND = "LibraryNotFound"
_MISMATCH = "LibRmVersionMismatch"
_NOT_LOADED = "DriverNotLoaded"
_SAID_ELSEWHERE = (_LIBRARY_NOT_FOUND, _MISMATCH, _NOT_LOADED, HANGS, CRASHED)
_NAMED = 4

Rule = Callable[[Traces, NvmlAnswer], Iterator[HostProblem]]


def find_problems(traces: Traces, nvml: NvmlAnswer) -> tuple[HostProblem, ...]:
    """Return the problems of a machine, those that break it first."""
    found = [problem for rule in _RULES for problem in rule(traces, nvml)]
    return tuple(sorted(found, key=lambda problem: problem.level is not ProblemLevel.BROKEN))


def _broken(code: str, message: str, hint: str = "") -> HostProblem:
    return HostProblem(code=code, level=ProblemLevel.BROKEN, message=message, hint=hint)


def _warning(code: str, message: str, hint: str = "") -> HostProblem:
    return HostProblem(code=code, level=ProblemLevel.WARNING, message=message, hint=hint)


def _mismatch(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell of a driver upgraded under the kernel, or a container with another one's files."""
    kernel = traces.module_driver
    versions = tuple(dict.fromkeys(folder.version for folder in traces.driver_folders))
    differs = bool(kernel and nvml.fault and versions and kernel not in versions)
    if nvml.fault != _MISMATCH and not differs:
        return
    libraries = " and ".join(version for version in versions if version and version != kernel)
    yield _broken(
        "driver-library-mismatch",
        f"the kernel runs driver {kernel or 'of an unknown version'}, its libraries are of "
        f"{libraries or 'another version'}",
        "start the container anew: the driver outside of it has changed"
        if traces.container
        else "restart the machine: the driver was upgraded while the old one was in use",
    )


def _nvml_fails(_: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    if nvml.fault == HANGS:
        yield _broken(
            "nvml-hangs",
            f"the driver does not answer: NVML was given up on after {TIMEOUT_SECONDS:.0f} s",
            "look for `NVRM: Xid` in `dmesg`; a GPU that fell off the bus needs a restart",
        )
    elif nvml.fault == CRASHED:
        yield _broken(
            "nvml-crashes",
            "asking the driver ended the process that asked: NVML crashes",
            "install the driver's packages again, all of one version",
        )
    elif nvml.fault and nvml.fault not in _SAID_ELSEWHERE:
        yield _broken(
            "nvml-fails",
            f"the driver cannot be asked: NVML says {nvml.fault}",
            "`nvidia-smi` should fail the same way; check the permissions of /dev/nvidia*",
        )


def _lost(_: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    if nvml.lost:
        yield _warning(
            "gpu-lost",
            f"the driver counts {len(nvml.gpus) + nvml.lost} GPUs and cannot open {nvml.lost}",
            "look for `NVRM: Xid` in `dmesg`; restart the machine or replace the GPU",
        )


def _no_driver(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell of a GPU that no NVIDIA driver drives; in a container that is said otherwise."""
    drives = traces.module_driver or nvml.driver
    if not traces.gpus_on_bus or drives or traces.container or traces.tegra:
        return
    gpus = "an NVIDIA GPU" if traces.gpus_on_bus == 1 else f"{traces.gpus_on_bus} NVIDIA GPUs"
    if traces.nouveau:
        yield _broken(
            "nouveau-loaded",
            f"{gpus} driven by nouveau, which has no CUDA",
            "install NVIDIA's driver: it keeps nouveau from loading; then restart",
        )
    elif traces.driver_folders:
        yield _broken(
            "driver-not-loaded",
            f"{gpus} and driver {traces.driver_folders[0].version} installed, but the kernel "
            "has not loaded it",
            "`sudo modprobe nvidia` says why: often a new kernel without its module, or Secure "
            "Boot refusing an unsigned one",
        )
    else:
        yield _broken(
            "gpu-without-driver",
            f"{gpus} on the PCI bus, and no driver",
            "install NVIDIA's driver from your distribution, then restart",
        )


def _no_device_files(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    outside = not (traces.container or traces.wsl or traces.tegra)
    if traces.module_driver and not traces.device_files and outside and not nvml.gpus:
        yield _broken(
            "no-device-files",
            f"driver {traces.module_driver} is loaded, and there is no /dev/nvidia0",
            "`sudo nvidia-modprobe -u -c 0` makes the device files",
        )


def _container(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell of a container on a GPU machine that was not given the GPU."""
    if not traces.container or traces.device_files or traces.wsl or nvml.gpus:
        return
    withheld = traces.runtime_devices in ("", "void", "none")
    if not (traces.module_driver or traces.gpus_on_bus or traces.runtime_devices) or traces.tegra:
        return
    because = (
        f"NVIDIA_VISIBLE_DEVICES={traces.runtime_devices} keeps it out"
        if withheld
        else "/dev/nvidia0 is not there"
    )
    yield _broken(
        "container-without-gpu",
        f"this {traces.container} container was started without the GPU: {because}",
        _GIVE_GPU.get(traces.container, "start it with NVIDIA's container runtime"),
    )


_GIVE_GPU = {
    "docker": "install nvidia-container-toolkit outside, then `docker run --gpus all …`",
    "podman": "install nvidia-container-toolkit outside, then `podman run --device "
    "nvidia.com/gpu=all …`",
    "kubernetes": "ask for it: `resources: {limits: {nvidia.com/gpu: 1}}`",
    "apptainer": "`apptainer exec --nv …`",
    "singularity": "`singularity exec --nv …`",
}


def _no_libraries(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    if nvml.fault == _LIBRARY_NOT_FOUND and traces.module_driver and not traces.container:
        yield _broken(
            "driver-libraries-missing",
            f"the kernel has driver {traces.module_driver} loaded; libnvidia-ml.so.1 is not found",
            "install the driver's libraries of that very version, such as libnvidia-compute",
        )


def _stubs(traces: Traces, _: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell of the linker's stub of libcuda where the loader finds it first."""
    for folder in traces.stubs:
        loaded = "libcuda.so.1" in folder.holds
        make = _broken if loaded else _warning
        yield make(
            "stub-libcuda",
            f"LD_LIBRARY_PATH has {folder.name}, whose libcuda is a stub for the linker",
            "take that folder out of LD_LIBRARY_PATH; it is for `-L` at build time",
        )


def _shadows(traces: Traces, _: NvmlAnswer) -> Iterator[HostProblem]:
    for folder in traces.shadows:
        names = dict.fromkeys(name.partition(".so")[0] for name in folder.holds)
        told = ", ".join([*names][:_NAMED]) + (", …" if len(names) > _NAMED else "")
        yield _warning(
            "library-path-shadows",
            f"LD_LIBRARY_PATH has {folder.name} with {told}: it replaces what an environment "
            "brings",
            "`unset LD_LIBRARY_PATH` before you run an environment",
        )


def _compat(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell of a libcuda before the system's: forward compatibility, or what is left of it."""
    kernel = traces.module_driver or (None if traces.wsl else nvml.driver)
    if not (traces.compat and traces.compat.version and kernel):
        return
    name, found = traces.compat.name, DriverVersion.parse(traces.compat.version)
    driver = DriverVersion.parse(kernel)
    if found.text == driver.text:
        return
    if found.meets(driver):
        yield _warning(
            "compat-newer",
            f"libcuda {found} of {name} stands in for the one of driver {driver}: forward "
            "compatibility, which GeForce and most workstation GPUs refuse",
            f"to run on the driver alone, take {name} off the loader's path",
        )
    else:
        yield _warning(
            "compat-older",
            f"libcuda {found} of {name} is older than driver {driver}, and stands in for its own",
            f"take {name} off the loader's path: the driver offers more without it",
        )


def _wsl(traces: Traces, _: NvmlAnswer) -> Iterator[HostProblem]:
    if traces.wsl and traces.driver_folders:
        folder = traces.driver_folders[0]
        yield _warning(
            "wsl-linux-driver",
            f"a Linux driver ({folder.version}) is installed inside WSL and can hide the one of "
            "Windows",
            "remove the packages nvidia-driver-* and libnvidia-compute-*: Windows brings the "
            "driver, in /usr/lib/wsl/lib",
        )


def _visible(traces: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    """Tell when CUDA_VISIBLE_DEVICES, which counts up to the first bad name, leaves nothing."""
    if traces.visible_devices is None or not (nvml.gpus or traces.module_driver):
        return
    first = traces.visible_devices.partition(",")[0].strip()
    number = int(first) if first.lstrip("-").isdecimal() else None
    beyond = number is not None and bool(nvml.gpus) and number >= len(nvml.gpus)
    if not first or (number is not None and number < 0) or beyond:
        told = f"={first}" if first else " is empty"
        why = f", and there are {len(nvml.gpus)} GPUs" if beyond else ""
        yield _broken(
            "cuda-visible-devices",
            f"CUDA_VISIBLE_DEVICES{told}{why}: programs see no GPU",
            "`unset CUDA_VISIBLE_DEVICES`, or name a GPU that is there, counted from 0",
        )


def _mig(_: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    bare = [gpu for gpu in nvml.gpus if gpu.mig and not gpu.mig_profiles]
    if bare:
        make = _broken if len(bare) == len(nvml.gpus) else _warning
        yield make(
            "mig-without-instances",
            f"{_some(len(bare), len(nvml.gpus))} in MIG mode without an instance: CUDA sees "
            "nothing there",
            "`sudo nvidia-smi mig -cgi PROFILE -C` makes one; `nvidia-smi mig -lgip` lists the "
            "profiles",
        )


def _compute_mode(_: Traces, nvml: NvmlAnswer) -> Iterator[HostProblem]:
    total = len(nvml.gpus)
    prohibited = [gpu for gpu in nvml.gpus if gpu.compute_mode == "prohibited"]
    if prohibited:
        make = _broken if len(prohibited) == total else _warning
        yield make(
            "compute-prohibited",
            f"{_some(len(prohibited), total)} in compute mode `prohibited`: CUDA may not use "
            f"{'it' if len(prohibited) == 1 else 'them'}",
            "`sudo nvidia-smi -c DEFAULT` lets programs in",
        )
    exclusive = [gpu for gpu in nvml.gpus if (gpu.compute_mode or "").startswith("exclusive")]
    if exclusive:
        yield _warning(
            "compute-exclusive",
            f"{_some(len(exclusive), total)} in compute mode `exclusive-process`: a second "
            "process is refused",
            "`sudo nvidia-smi -c DEFAULT` lets several in",
        )


def _some(part: int, total: int) -> str:
    if total == 1:
        return "the GPU is"
    return f"all {total} GPUs are" if part == total else f"{part} of {total} GPUs are"


_RULES: tuple[Rule, ...] = (
    _mismatch,
    _nvml_fails,
    _lost,
    _no_driver,
    _no_device_files,
    _container,
    _no_libraries,
    _stubs,
    _compat,
    _shadows,
    _wsl,
    _visible,
    _mig,
    _compute_mode,
)
