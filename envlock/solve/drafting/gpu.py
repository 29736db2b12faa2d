"""The CUDA line that a file means, and how it says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from envlock.compat.base_images import BaseImage
from envlock.compat.builds import CudaBuild, read_build
from envlock.compat.components import component_of, line_of
from envlock.compat.evidence import read_table
from envlock.compat.nvidia_wheels import wheel_component
from envlock.compat.workloads import workload_of_lock
from envlock.model.lock import Lock, LockedPackage
from envlock.model.platform import Platform, System
from envlock.model.reading import Ecosystem, FoundPackage, Reading
from envlock.model.version import CudaLine, parse_dotted
from envlock.solve.drafting.wheels import wheel_row
from envlock.solve.drafting.wishes import Wish

LINE_PACKAGES = ("pytorch-cuda", "cuda-version", "cudatoolkit")
"""Conda packages that only say the line, the most telling first: gpu.cuda says it in a stack.

Beside pytorch-cuda, cuda-version can be of a newer line: it only bounds the driver there.
"""
_INDEX = re.compile(r"/(?:cu(?P<digits>\d{3})|cpu)(?:/|$|\.)")
_WANTED = re.compile(r"[a-z-]+[ =<>!~]+(?P<version>\d{1,2}\.\d{1,2})")
_LOCAL = re.compile(r"\+cu(?P<digits>\d{3})\b")
_MAJOR = re.compile(r"cuda(?P<major>1\d)")


class FoundLine(Struct, frozen=True, kw_only=True):
    """A CUDA line and what says so."""

    line: CudaLine
    reason: str
    is_guess: bool = False


def find_line(
    reading: Reading, lock: Lock, image: BaseImage | None, wishes: Iterable[Wish]
) -> FoundLine | None:
    """Return the CUDA line that a file means; None where it is about CPUs, or says nothing."""
    said = [*_said(reading, image), *_locked(reading, lock)]
    return next(iter(said), None) or _wished(reading, tuple(wishes), image)


def _said(reading: Reading, image: BaseImage | None) -> Iterator[FoundLine]:
    """Yield what the file says in so many words, the most exact first."""
    rows = {item.name: item for item in reading.packages if item.ecosystem is Ecosystem.CONDA}
    for name in LINE_PACKAGES:
        if row := rows.get(name):
            yield from _by_name(row, reading.file)
    for package in reading.packages:
        yield from _by_build(package, reading.file)
    for package in reading.packages:
        local = _LOCAL.search(package.version or package.wanted)
        if package.ecosystem is Ecosystem.PYPI and local:
            said = f"{package.name} is of the build {local[0]}"
            yield _of_digits(local["digits"], _place(reading.file, package.line, said))
    for place in reading.places:
        index = _INDEX.search(place.address)
        if index and index["digits"]:
            said = f"the index of the builds cu{index['digits']}"
            yield _of_digits(index["digits"], _place(reading.file, place.line, said))
    if image and image.line:
        yield FoundLine(line=image.line, reason=f"from the base image of {reading.file}")


def _by_name(row: FoundPackage, file: str) -> Iterator[FoundLine]:
    found = _WANTED.match(row.wanted)
    version = row.version or (found["version"] if found else "")
    try:
        line = CudaLine.parse(version)
    except ValueError:
        return
    yield FoundLine(line=line, reason=_place(file, row.line, f"{row.name} {version}"))


def _by_build(package: FoundPackage, file: str) -> Iterator[FoundLine]:
    """Yield the line of a framework's own build, which the rest of an environment follows."""
    if package.ecosystem is not Ecosystem.CONDA or package.name not in _carriers():
        return
    address = package.origins[0].address if package.origins else ""
    stem = re.sub(r"\.(?:conda|tar\.bz2)(?:#.*)?$", "", address.rpartition("/")[2])
    build = package.build or stem.rpartition("-")[2]
    found = read_build(package.name, build, address.rpartition("/")[0], System.LINUX)
    if isinstance(found, CudaBuild) and found.line:
        said = f"{package.name} has the build {build}"
        yield FoundLine(line=found.line, reason=_place(file, package.line, said))


def _carriers() -> tuple[str, ...]:
    return tuple(row["carrier"] for row in read_table("frameworks", "framework"))


def _of_digits(digits: str, reason: str) -> FoundLine:
    return FoundLine(line=CudaLine(int(digits[:2]), int(digits[2])), reason=reason)


def _place(file: str, line: int, said: str) -> str:
    return f"from {file}:{line}: {said}" if line else f"from {file}: {said}"


def _locked(reading: Reading, lock: Lock) -> Iterator[FoundLine]:
    """Yield the newest line among the packages that are locked exactly."""
    lines = [workload_of_lock(lock, name, "draft").line for name in lock.head.platforms]
    found = [line for line in lines if line]
    if found:
        reason = f"from {reading.file}: the CUDA packages and wheels in it"
        yield FoundLine(line=max(found), reason=reason)


def _wished(
    reading: Reading, wishes: tuple[Wish, ...], image: BaseImage | None
) -> FoundLine | None:
    """Return a line for wishes that are for GPUs without saying which."""
    is_cpu = any(
        (index := _INDEX.search(place.address)) and not index["digits"] for place in reading.places
    )
    if is_cpu:
        return None
    if image and image.is_gpu and image.framework:
        version = image.framework_version or "*"
        return _newest(image.framework, version, "the base image is for GPUs")
    for wish in wishes:
        name = _framework_of(wish)
        if name and (wish.wants_gpu or (name, wish.ecosystem) == ("pytorch", Ecosystem.PYPI)):
            why = "is for GPUs" if wish.wants_gpu else "from PyPI is a CUDA build on Linux"
            told = f"{wish.name} {why}, and no line is named"
            return _newest(name, wish.version, told, wish.extras)
    return None


def _framework_of(wish: Wish) -> str | None:
    names = {"torch": "pytorch", "pytorch": "pytorch", "tensorflow": "tensorflow", "jax": "jax"}
    return names.get(wish.key[1])


def _newest(name: str, version: str, why: str, extras: tuple[str, ...] = ()) -> FoundLine:
    """Return the line of a framework's newest known wheel that the version admits, or of any.

    An extra such as `cuda12` names the major.
    """
    row, column = wheel_row(name, version) or wheel_row(name, "*"), "version"
    if row is None:
        majors = [found["major"] for extra in extras if (found := _MAJOR.fullmatch(extra))]
        builds = read_table("jax_plugins", "build")
        fitting = [item for item in builds if item["major"] in majors] or builds
        column = "since"
        row = max(fitting, key=lambda item: parse_dotted(item[column]))
    told = f"{why}; {name} {row[column]} was built with CUDA {row['cuda']}"
    return FoundLine(line=CudaLine.parse(row["cuda"]), reason=told, is_guess=True)


def newer_components(lock: Lock, line: CudaLine) -> tuple[str, ...]:
    """Return the toolkit components of a lock that come from a newer minor of the same major."""
    found = set()
    for row in lock.packages:
        component = component_of(row.name) if row.manager == "conda" else None
        own = line_of(row.name, row.version) if component else None
        if component and own and own.major == line.major and own > line:
            found.add(component)
    return tuple(sorted(found - set(LINE_PACKAGES)))


def is_held_to_line(wish: Wish) -> bool:
    """Say whether gpu.cuda decides a package's version, so that the stack names none."""
    return wish.ecosystem is Ecosystem.CONDA and component_of(wish.name) is not None


def comes_with_framework(wish: Wish) -> bool:
    """Say whether a wheel is one of NVIDIA's that a framework from PyPI brings along."""
    return wish.ecosystem is Ecosystem.PYPI and wheel_component(wish.key[1]) is not None


def cpu_platforms(lock: Lock) -> tuple[str, ...]:
    """Return the platforms that have a framework and nothing of CUDA, where another one has."""
    others = [name for name in lock.head.platforms if Platform(name).system is not System.MACOS]
    on_cpu = tuple(
        name
        for name in others
        if workload_of_lock(lock, name, "draft").line is None
        and _has_framework(lock.packages_on(name))
    )
    return on_cpu if len(on_cpu) < len(others) else ()


def _has_framework(rows: Iterable[LockedPackage]) -> bool:
    names = {*_carriers(), "torch", "tensorflow", "jax"}
    return any(row.name in names for row in rows)
