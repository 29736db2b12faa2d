"""Is each framework of a lock a CUDA build or a CPU build? Build strings and wheels tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from envlock.compat.builds import CpuBuild, CudaBuild, read_build
from envlock.compat.frameworks import framework, known_frameworks
from envlock.compat.locked import build_of, channel_of
from envlock.compat.nvidia_wheels import wheel_component
from envlock.compat.wheels import wheel_facts
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform, System

_LOCAL_CUDA = re.compile(r"\+(?:pt[0-9]+)?cu(?:da)?[0-9]")
_LOCAL_CPU = re.compile(r"\+(?:pt[0-9]+)?cpu\b")
_JAX_PLUGIN = re.compile(r"jax-cuda[0-9]+-plugin")
_WHEELS = {
    "torch": "pytorch",
    "torchvision": "pytorch",
    "torchaudio": "pytorch",
    "tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-intel": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "jaxlib": "jax",
}
_CHOSEN_CPU = frozenset({"tensorflow-cpu", "pytorch-cpu", "cpuonly"})
"""Whoever asks for these means the CPU."""
_LIBRARIES = frozenset({"cudatoolkit", "cudnn", "cuda-cudart", "libcublas"})


class BuiltFor(StrEnum):
    """What a build computes on."""

    CUDA = "CUDA"
    CPU = "the CPU"
    EITHER = "either"
    """TensorFlow's wheel for Linux, without CUDA's libraries beside it: it has the code, and
    computes on the CPU where it does not find them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkBuild:
    """A framework's package, or one that goes with it, and what it was built for."""

    framework: str
    """As a stack writes it."""
    package: LockedPackage
    built_for: BuiltFor
    is_chosen: bool = False
    """Whether the name or the version itself says CPU: nobody gets that by accident."""
    is_companion: bool = False
    """Whether it only goes with a framework, as torchvision does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What else is installed."""

    has_plugin: bool
    """JAX's own for CUDA."""
    has_libraries: bool
    """CUDA's."""


def framework_builds(
    packages: Sequence[LockedPackage], platform: Platform
) -> tuple[FrameworkBuild, ...]:
    """Return the frameworks of one platform that say what they were built for; not the others.

    On macOS every build is a CPU build; it is also the one that uses Apple's GPU. JAX computes on
    CUDA where a plugin for it is beside it, TensorFlow's wheel where CUDA's libraries are.
    """
    names = {item.name for item in packages}
    beside = _Beside(
        has_plugin=any(map(_JAX_PLUGIN.fullmatch, names)),
        has_libraries=any(map(wheel_component, names)) or not _LIBRARIES.isdisjoint(names),
    )
    is_chosen = not _CHOSEN_CPU.isdisjoint(names)
    found = (
        *_of_conda(packages, platform, is_chosen=is_chosen),
        *_of_wheels(packages, platform, beside),
    )
    return tuple(found)


def _of_conda(
    packages: Iterable[LockedPackage], platform: Platform, *, is_chosen: bool
) -> Iterable[FrameworkBuild]:
    carriers = {facts.carrier: facts for name in known_frameworks() if (facts := framework(name))}
    companions = {name: facts for facts in carriers.values() for name in facts.companions}
    for item in packages:
        facts = carriers.get(item.name) or companions.get(item.name)
        if item.manager != "conda" or facts is None:
            continue
        build = read_build(item.name, build_of(item), channel_of(item), platform.system)
        if isinstance(build, CudaBuild | CpuBuild):
            yield FrameworkBuild(
                framework=facts.name,
                package=item,
                built_for=BuiltFor.CUDA if isinstance(build, CudaBuild) else BuiltFor.CPU,
                is_chosen=is_chosen,
                is_companion=item.name not in carriers,
            )


def _of_wheels(
    packages: Iterable[LockedPackage], platform: Platform, beside: _Beside
) -> Iterable[FrameworkBuild]:
    for item in packages:
        if item.manager != "pip" or item.name not in _WHEELS:
            continue
        built_for = _wheel_is_for(item, platform, beside)
        if built_for:
            yield FrameworkBuild(
                framework=_WHEELS[item.name],
                package=item,
                built_for=built_for,
                is_chosen=item.name in _CHOSEN_CPU or bool(_LOCAL_CPU.search(item.version)),
                is_companion=item.name in ("torchvision", "torchaudio"),
            )


def _wheel_is_for(item: LockedPackage, platform: Platform, beside: _Beside) -> BuiltFor | None:
    if _LOCAL_CUDA.search(item.version) or item.name == "tensorflow-gpu":
        return BuiltFor.CUDA
    if _LOCAL_CPU.search(item.version) or item.name in {*_CHOSEN_CPU, "tensorflow-intel"}:
        return BuiltFor.CPU
    if item.name == "jaxlib":
        return BuiltFor.CUDA if beside.has_plugin else BuiltFor.CPU
    facts = wheel_facts(item.name, item.version, platform)
    if facts is None:
        # No release of torch on the default index has had CUDA for anything but Linux.
        is_plain = item.name == "torch" and "+" not in item.version
        return BuiltFor.CPU if is_plain and platform.system is not System.LINUX else None
    if facts.line and item.name == "tensorflow" and not beside.has_libraries:
        return BuiltFor.EITHER
    return BuiltFor.CUDA if facts.line else BuiltFor.CPU
