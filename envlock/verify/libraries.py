"""Where the shared libraries of a process came from, and whether they may come from there.

A hermetic environment takes from the host the loader, the glibc family, NSS and the driver's user
space; nothing else. Their names alone do not make them that: they have to lie where a system keeps
its own, which takes an administrator to change; a `libcuda.so.1` in a home folder or below `/tmp`
is anybody's. One on the machine's own Python takes that Python's libraries too, and those
that a manylinux wheel may expect of its host (PEP 513, 571, 599, 600). NVIDIA's libraries, other
than the driver's, never come from the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from envlock.model.outcome import Check, Failed, NotRun, Obligation, Outcome, Passed
from envlock.model.probe import BrokeLine, Ending, LibrariesLine, LoadedLibrary, ProbeRun
from envlock.model.verifying import Observed, Place


class Role(StrEnum):
    """Why a library is in the process."""

    ENVIRONMENT = "environment"
    LOADER = "loader"
    GLIBC = "glibc"
    NSS = "nss"
    DRIVER = "driver"
    SYSTEM = "system"
    """Of macOS: its own libraries, which no environment brings."""
    INTERPRETER = "interpreter"
    """Of the machine's own Python; only where the environment stands on it."""
    MANYLINUX = "manylinux"
    """What wheels may expect of any Linux; only where the environment is not hermetic."""
    FOREIGN = ""


class PlacedLibrary(Struct, frozen=True, kw_only=True):
    """A library, and why it is there."""

    library: LoadedLibrary
    role: Role


_LOADER = re.compile(r"(ld-linux[-a-z0-9_]*|ld64|ld)\.so(\.\d+)*$|ld-\d[0-9.]*\.so$")
_GLIBC = re.compile(
    r"lib(c|m|pthread|dl|rt|util|resolv|anl|nsl|mvec|thread_db|BrokenLocale|c_malloc_debug|pcprofile"
    r"|memusage|SegFault)(\.so(\.\d+)*|-\d[0-9.]*\.so)$"
)
_NSS = re.compile(r"libnss_[a-z0-9_]+(\.so(\.\d+)*|-\d[0-9.]*\.so)$")
_DRIVER = re.compile(
    r"lib(cuda|cudadebugger|nvidia-[a-z0-9-]+|nvcuvid|nvoptix|dxcore|d3d12|d3d12core|nvdxgdmal\S*)"
    r"\.so(\.\d+)*$"
)
_MANYLINUX = re.compile(r"lib(gcc_s|stdc\+\+|atomic|z|expat)\.so(\.\d+)*$")
_INTERPRETER = re.compile(
    r"lib(python3[0-9.]*|ssl|crypto|crypt|ffi|sqlite3|bz2|lzma|zstd|uuid|readline|tinfo|ncursesw?"
    r"|panelw?|db-[0-9.]+|gdbm|gdbm_compat|tcl[0-9.]+|tk[0-9.]+|mpdec|tirpc|krb5|com_err"
    r"|gssapi_krb5|k5crypto|krb5support|keyutils|libb2|b2)(-[0-9.]+)?\.so(\.\d+)*$"
)
_NVIDIA = re.compile(
    r"lib(cudart|cudnn[a-z_]*|nccl|cublas|cublasLt|cufft|cufftw|curand|cusolver|cusolverMg|cusparse"
    r"|cusparseLt|nvrtc|nvrtc-builtins|nvJitLink|cupti|nvToolsExt|cufile|nvshmem[a-z_]*)\.so(\.\d+)*$"
)
_STEM = re.compile(r"(lib[^.]+?)(-[0-9a-f]{8,})?\.so")
_APPLE = ("/usr/lib/", "/System/")
_SYSTEM = re.compile(r"/(usr/)?lib(32|64|x32)?/|/(nix|gnu)/store/|/cvmfs/")
"""Where a Linux keeps its libraries. NixOS and Guix have each package in a folder of its own, and
clusters share whole systems, glibc included, below `/cvmfs`."""
_DRIVER_PLACES = re.compile(
    r"/usr/local/nvidia/|/run/opengl-driver(-32)?/|/run/nvidia/driver/|/\.singularity\.d/libs/"
    r"|/usr/local/cuda(-[0-9.]+)?/compat/|/opt/udiImage/modules/"
)
"""Where else the driver lies: GKE and the device plugin, NixOS, the GPU operator, Apptainer, the
forward-compatible driver of CUDA's images, Shifter. WSL has it below `/usr/lib`."""
_TEGRA = re.compile(r"/usr/lib/aarch64-linux-gnu/(tegra|tegra-egl|nvidia)/")
"""Of a Jetson: what lies there is the driver's, whatever it is called."""
_DELETED = " (deleted)"
"""What the kernel adds to a file that is gone, or was replaced, since it was loaded."""
_SHOWN = 6


def place_libraries(libraries: Iterable[LoadedLibrary], place: Place) -> Iterator[PlacedLibrary]:
    """Yield every library with the reason why it is there."""
    for library in libraries:
        yield PlacedLibrary(library=library, role=_role(library.path, place))


def _role(path: str, place: Place) -> Role:
    name = path.rpartition("/")[2]
    if path.endswith(_DELETED) or "/../" in path:
        return Role.FOREIGN  # nobody can say what it was
    is_system = _SYSTEM.match(path) is not None
    if _TEGRA.match(path) or (
        _DRIVER.match(name) and not _is_stub(path) and (is_system or _DRIVER_PLACES.match(path))
    ):
        return Role.DRIVER
    if _is_below(path, place.prefixes):
        return Role.ENVIRONMENT
    for pattern, role in ((_LOADER, Role.LOADER), (_GLIBC, Role.GLIBC), (_NSS, Role.NSS)):
        if is_system and pattern.match(name):
            return role
    if path.startswith(_APPLE) and ".so" not in name:
        return Role.SYSTEM
    return Role.FOREIGN if place.is_hermetic or _NVIDIA.match(name) else _host_role(path, place)


def _host_role(path: str, place: Place) -> Role:
    """Return why an environment on the machine's own Python may have a library."""
    name = path.rpartition("/")[2]
    if _INTERPRETER.match(name) or _is_below(path, place.interpreter_prefixes):
        return Role.INTERPRETER
    return Role.MANYLINUX if _MANYLINUX.match(name) else Role.FOREIGN


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _is_stub(path: str) -> bool:
    return "/stubs/" in path


def judge_libraries(observed: Observed, run: ProbeRun) -> Iterator[Check]:
    """Yield whether a process had all its libraries from where it may, and each of them once."""
    framework = run.request.framework
    line = next((each for each in run.lines if isinstance(each, LibrariesLine)), None)
    if line is None:
        missing = _missing(run)
        yield _check(framework, "origin", missing)
        yield _check(framework, "duplicates", missing)
        return
    if not line.libraries:
        unseen: Outcome = NotRun(reason="this system does not say what a process has loaded")
        yield _check(framework, "origin", unseen)
        yield _check(framework, "duplicates", unseen)
        return
    placed = tuple(place_libraries(line.libraries, observed.place))
    yield _check(framework, "origin", _origin(placed, observed))
    yield _check(framework, "duplicates", _duplicates(line.libraries))


def _missing(run: ProbeRun) -> Outcome:
    """Return why nothing is known of a process: a probe that ends by itself always says it."""
    for line in run.lines:
        if isinstance(line, BrokeLine) and line.check == "libraries":
            return Failed(said=f"it raised {line.error}")
    if run.ending is Ending.WHOLE:
        return Failed(said="the probe came to its end and did not say what it had loaded")
    return NotRun(reason=f"the probe did not come so far: {run.said or 'it said no more'}")


def _check(framework: str, what: str, outcome: Outcome) -> Check:
    return Check(
        obligation=Obligation.LIBRARIES, name=f"{framework}.libraries.{what}", outcome=outcome
    )


def _origin(placed: tuple[PlacedLibrary, ...], observed: Observed) -> Outcome:
    stubs = [each.library.path for each in placed if _is_stub(each.library.path)]
    if stubs:
        return Failed(
            said=f"{stubs[0]} is a stub: it answers every call of the driver with an error",
            hint=_library_path_hint(observed),
        )
    foreign = [each.library.path for each in placed if each.role is Role.FOREIGN]
    if foreign and not observed.place.is_built:
        return NotRun(
            reason="envlock did not build this environment and cannot say what is part of it; "
            f"from elsewhere come {_listed(foreign)}"
        )
    if foreign:
        return Failed(
            said=f"loaded from outside the environment: {_listed(foreign)}",
            hint=_library_path_hint(observed),
        )
    return Passed(said=_told(placed, observed))


def _told(placed: tuple[PlacedLibrary, ...], observed: Observed) -> str:
    inside = sum(each.role is Role.ENVIRONMENT for each in placed)
    told = f"{inside} from the environment, {len(placed) - inside} from the host"
    roles = sorted({each.role.value for each in placed if each.role is not Role.ENVIRONMENT})
    if roles:
        told += f" ({', '.join(roles)})"
    if not observed.place.is_hermetic:
        told += "; not hermetic"
    if observed.library_path:
        told += f"; LD_LIBRARY_PATH was {observed.library_path}"
    return told


def _library_path_hint(observed: Observed) -> str:
    if observed.library_path:
        return f"take LD_LIBRARY_PATH away; it is {observed.library_path}"
    return "add the package that brings the library to the stack, then solve and build"


def _duplicates(libraries: Iterable[LoadedLibrary]) -> Outcome:
    families: dict[str, set[str]] = {}
    for library in libraries:
        name = library.path.rpartition("/")[2]
        stem = _STEM.match(name)
        if stem and _NVIDIA.match(f"{stem[1]}.so"):
            families.setdefault(stem[1], set()).add(library.path)
    twice = {stem: sorted(paths) for stem, paths in families.items() if len(paths) > 1}
    if twice:
        listed = "; ".join(f"{stem}: {', '.join(paths)}" for stem, paths in sorted(twice.items()))
        return Failed(
            said=f"loaded more than once: {listed}",
            hint="keep one source of it: conda's package, or the wheel's",
        )
    if families:
        return Passed(said=f"one copy of each of {', '.join(sorted(families))}")
    return Passed(said="no library of the CUDA toolkit was loaded as a file of its own")


def _listed(paths: list[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
