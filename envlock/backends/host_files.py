"""What a machine's files and environment tell about its GPUs, its driver and its libraries.

Everything is read below a root folder and from a mapping, so that a test is a small tree. A file
that cannot be read says nothing; nothing here raises. Folders are named without the person's home.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

_LIBRARIES = (
    "libcublas",
    "libcudart",
    "libcudnn",
    "libcufft",
    "libcupti",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libnccl",
    "libnvJitLink",
    "libnvrtc",
)
"""What an environment brings itself, and a folder on LD_LIBRARY_PATH would replace."""
_SYSTEM_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/local/nvidia/lib64",
    "/run/opengl-driver/lib",
)
_WSL_FOLDER = "/usr/lib/wsl/lib"
_LARGEST_TEXT_BYTES = 65_536
_MOST_ENTRIES = 20_000
_NVIDIA = "0x10de"
_DISPLAY = "0x03"
_DRIVER_LIBRARY = re.compile(r"lib(?:cuda|nvidia-ml)\.so\.(\d{3}(?:\.\d+)+)")
_LIBCUDA = re.compile(r"libcuda\.so\.(\d{3}(?:\.\d+)+)")
_MODULE = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)")
_HOMES = re.compile(r"/(?:home|Users)/[^/]+|/root(?=/|$)")
_IN_ENVIRONMENT = (
    ("KUBERNETES_SERVICE_HOST", "kubernetes"),
    ("APPTAINER_CONTAINER", "apptainer"),
    ("SINGULARITY_CONTAINER", "singularity"),
)
_IN_CGROUP = (
    ("kubepods", "kubernetes"),
    ("libpod", "podman"),
    ("docker", "docker"),
    ("containerd", "containerd"),
    ("lxc", "lxc"),
)


class Folder(Struct, frozen=True, kw_only=True):
    """A folder, and what of interest lies in it."""

    name: str
    holds: tuple[str, ...] = ()
    version: str | None = None
    """Of the driver library in it, as its file name says."""


class Traces(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found. Absent is what could not be read, too."""

    module_driver: str | None = None
    """The version of the kernel's driver."""
    gpus_on_bus: int = 0
    """NVIDIA display controllers on the PCI bus, driven or not."""
    gpu_names: tuple[str, ...] = ()
    """What the kernel's driver, or a Jetson's device tree, calls the GPUs."""
    nouveau: bool = False
    device_files: bool = False
    tegra: bool = False
    wsl: bool = False
    container: str | None = None
    driver_folders: tuple[Folder, ...] = ()
    """System folders with libcuda or libnvidia-ml, by version."""
    has_wsl_driver: bool = False
    shadows: tuple[Folder, ...] = ()
    """Folders of LD_LIBRARY_PATH with CUDA libraries."""
    stubs: tuple[Folder, ...] = ()
    """Folders of LD_LIBRARY_PATH with the stub of libcuda."""
    compat: Folder | None = None
    """The first folder before the system's that holds a libcuda of its own."""
    visible_devices: str | None = None
    """CUDA_VISIBLE_DEVICES, where it is set."""
    runtime_devices: str | None = None
    """NVIDIA_VISIBLE_DEVICES, which asks NVIDIA's container runtime for GPUs."""


def read_traces(root: Path, environment: Mapping[str, str]) -> Traces:
    """Return what a Linux machine's files and environment show."""
    searched = [*_searched(root, environment)]
    kernel = _text(root, "/proc/sys/kernel/osrelease").lower()
    stubs = [folder for folder in searched if "stubs" in Path(folder.name).parts]
    others = [folder for folder in searched if folder not in stubs]
    compat = [folder for folder in (*others, *_configured(root)) if folder.version]
    return Traces(
        module_driver=_module_driver(root),
        gpus_on_bus=sum(_is_nvidia_display(device) for device in _entries(root, _PCI)),
        gpu_names=tuple(_gpu_names(root)),
        nouveau=(root / "sys/module/nouveau").is_dir(),
        device_files=any(_NUMBERED.fullmatch(entry.name) for entry in _entries(root, "/dev")),
        tegra=_is_tegra(root),
        wsl="microsoft" in kernel or (root / "dev/dxg").exists(),
        container=_container(root, environment),
        driver_folders=tuple(_driver_folders(root)),
        has_wsl_driver=any(e.name == "libcuda.so.1" for e in _entries(root, _WSL_FOLDER)),
        shadows=tuple(folder for folder in others if _cuda_libraries(folder)),
        stubs=tuple(folder for folder in stubs if _libcuda_names(folder)),
        compat=next(iter(compat), None),
        visible_devices=environment.get("CUDA_VISIBLE_DEVICES"),
        runtime_devices=environment.get("NVIDIA_VISIBLE_DEVICES"),
    )


def hide_home(path: str, environment: Mapping[str, str]) -> str:
    """Return a path that names no person: a home folder becomes `~`."""
    home = environment.get("HOME", "").rstrip("/")
    if home and (path == home or path.startswith(f"{home}/")):
        return f"~{path[len(home) :]}"
    return _HOMES.sub("~", path, count=1) if _HOMES.match(path) else path


_PCI = "/sys/bus/pci/devices"
_NUMBERED = re.compile(r"nvidia\d+")


def _searched(root: Path, environment: Mapping[str, str]) -> Iterator[Folder]:
    """Yield the absolute folders of LD_LIBRARY_PATH, but for the system's, with what they hold."""
    entries = environment.get("LD_LIBRARY_PATH", "").split(":")
    for entry in dict.fromkeys(entry.rstrip("/") for entry in entries):
        if entry.startswith("/") and entry not in {*_SYSTEM_FOLDERS, _WSL_FOLDER}:
            yield _folder(root, entry, hide_home(entry, environment))


def _configured(root: Path) -> Iterator[Folder]:
    """Yield the compat folders that the loader's configuration names."""
    for file in sorted(_entries(root, "/etc/ld.so.conf.d"), key=lambda entry: entry.name):
        for line in _read(file).splitlines():
            if line.startswith("/") and "compat" in Path(line.strip()).parts:
                yield _folder(root, line.strip(), line.strip())


def _folder(root: Path, path: str, name: str) -> Folder:
    names = tuple(sorted(entry.name for entry in _entries(root, path) if ".so" in entry.name))
    found = [match[1] for item in names if (match := _LIBCUDA.fullmatch(item))]
    return Folder(
        name=name,
        holds=tuple(item for item in names if item.startswith((*_LIBRARIES, "libcuda.so"))),
        version=found[-1] if found else None,
    )


def _cuda_libraries(folder: Folder) -> bool:
    return any(item.startswith(_LIBRARIES) for item in folder.holds)


def _libcuda_names(folder: Folder) -> bool:
    return any(item.startswith("libcuda.so") for item in folder.holds)


def _module_driver(root: Path) -> str | None:
    version = _text(root, "/sys/module/nvidia/version").strip()
    if re.fullmatch(r"\d+(\.\d+)+", version):
        return version
    match = _MODULE.search(_text(root, "/proc/driver/nvidia/version"))
    return match[1] if match else None


def _is_nvidia_display(device: Path) -> bool:
    return _read(device / "vendor").strip() == _NVIDIA and _read(device / "class").startswith(
        _DISPLAY
    )


def _gpu_names(root: Path) -> Iterator[str]:
    for gpu in sorted(_entries(root, "/proc/driver/nvidia/gpus"), key=lambda entry: entry.name):
        for line in _read(gpu / "information").splitlines():
            key, _, value = line.partition(":")
            if key == "Model" and value.strip() and "Unknown" not in value:
                yield value.strip()
    if _is_tegra(root):
        model = _text(root, "/proc/device-tree/model").strip("\0\n ")
        if model:
            yield model


def _is_tegra(root: Path) -> bool:
    compatible = _text(root, "/proc/device-tree/compatible")
    return "nvidia,tegra" in compatible or (root / "etc/nv_tegra_release").is_file()


def _driver_folders(root: Path) -> Iterator[Folder]:
    seen = set()
    for path in _SYSTEM_FOLDERS:
        place = root / path.lstrip("/")
        try:
            real = place.resolve()
        except OSError:
            continue
        if real in seen:  # /lib64 is /usr/lib64
            continue
        seen.add(real)
        names = [entry.name for entry in _entries(root, path)]
        versions = {match[1] for name in names if (match := _DRIVER_LIBRARY.fullmatch(name))}
        yield from (Folder(name=path, version=version) for version in sorted(versions))


def _container(root: Path, environment: Mapping[str, str]) -> str | None:
    groups = _text(root, "/proc/1/cgroup")
    traces = (
        *((variable in environment, name) for variable, name in _IN_ENVIRONMENT),
        ((root / "run/.containerenv").exists(), "podman"),
        ((root / ".dockerenv").exists(), "docker"),
        *((trace in groups, name) for trace, name in _IN_CGROUP),
        (bool(environment.get("container")), "container"),
    )
    return next((name for is_there, name in traces if is_there), None)


def _entries(root: Path, path: str) -> list[Path]:
    try:
        return [*islice((root / path.lstrip("/")).iterdir(), _MOST_ENTRIES)]
    except OSError:
        return []


def _text(root: Path, path: str) -> str:
    return _read(root / path.lstrip("/"))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_LARGEST_TEXT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
