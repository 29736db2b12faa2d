"""What a locked package says of CUDA by its name, its version and its build string.

A part of a toolkit says which line it is of; what was compiled with a toolkit says which line it
was compiled for, or at least the major. Two majors do not share a process. Within a major, a build
runs with the libraries of its own minor or of a newer one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from envlock.compat.builds import CudaBuild, cuda_major_of, line_in_digits, read_build
from envlock.compat.components import component_of, line_of
from envlock.compat.locked import build_of, channel_of
from envlock.compat.nvidia_wheels import wheel_component, wheel_line
from envlock.compat.wheels import wheel_facts
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.version import CudaLine

_LOCAL = re.compile(r"\+(?:pt[0-9]+)?cu(?:da)?(?P<digits>[0-9]{2,3})(?![0-9])")
"""In a wheel's version: `2.5.1+cu121`, `0.4.30+cuda12.cudnn91`, `2.1.2+pt21cu121`."""
_NAMED = re.compile(r".*-cu(?:da)?(?P<digits>1[1-9][0-9]?)x?(?:-(?:plugin|pjrt))?")
"""In a distribution's name: `cupy-cuda12x`, `cudf-cu12`, `jax-cuda12-plugin`."""
_MARKERS = frozenset({"pytorch-cuda", "cuda-version"})
"""Packages that are nothing but the name of a line."""
_SHELLS = frozenset({"pytorch-gpu", "tensorflow", "tensorflow-gpu"})
"""Empty packages of conda-forge, whose build may name another line than what they bring."""


class Role(StrEnum):
    """What a package is to CUDA."""

    LIBRARY = "library"
    """A part of the toolkit, or the package that names its line."""
    BUILD = "build"
    """Compiled with a toolkit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaSign:
    """What one package says of CUDA."""

    role: Role
    major: int
    line: CudaLine | None
    """None where the package names the major alone."""


def cuda_sign(item: LockedPackage, platform: Platform) -> CudaSign | None:
    """Return what a package says of CUDA; None for all that says nothing. Never raises."""
    return _of_wheel(item, platform) if item.manager == "pip" else _of_conda(item, platform)


def _of_conda(item: LockedPackage, platform: Platform) -> CudaSign | None:
    if item.name in _MARKERS or component_of(item.name):
        line = line_of(item.name, item.version) or _marked(item)
        return _sign(Role.LIBRARY, line) if line else None
    if item.name in _SHELLS or "/noarch/" in item.url:
        return None  # nothing compiled in it: `py-xgboost cuda118_pyh…` goes with any libxgboost
    build = build_of(item)
    found = read_build(item.name, build, channel_of(item), platform.system)
    major = cuda_major_of(build) if isinstance(found, CudaBuild) else None
    if not isinstance(found, CudaBuild) or not major:
        return None
    return CudaSign(role=Role.BUILD, major=major, line=found.line)


def _marked(item: LockedPackage) -> CudaLine | None:
    try:
        return CudaLine.parse(item.version) if item.name in _MARKERS else None
    except ValueError:
        return None


def _of_wheel(item: LockedPackage, platform: Platform) -> CudaSign | None:
    component = wheel_component(item.name)
    if component:
        line = wheel_line(item.name, item.version)
        major = component.cuda_major or (line.major if line else None)
        return CudaSign(role=Role.LIBRARY, major=major, line=line) if major else None
    facts = wheel_facts(item.name, item.version, platform)
    if facts and facts.line and not item.name.startswith("tensorflow"):
        return _sign(Role.BUILD, facts.line)
    match = _LOCAL.search(item.version) or _NAMED.fullmatch(item.name)
    return _tagged(match["digits"]) if match else None


def _tagged(digits: str) -> CudaSign:
    line = line_in_digits(digits)
    return CudaSign(role=Role.BUILD, major=line.major if line else int(digits), line=line)


def _sign(role: Role, line: CudaLine) -> CudaSign:
    return CudaSign(role=role, major=line.major, line=line)
