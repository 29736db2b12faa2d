"""Who brings a copy of a library that a process should have once: cuDNN, NCCL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envlock.compat.builds import CudaBuild, read_build, vendored_cudnn
from envlock.compat.locked import build_of, channel_of
from envlock.compat.nvidia_wheels import WheelKind, wheel_component
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform

CUDNN_PACKAGES = ("cudnn", "libcudnn")
"""The conda packages that are cuDNN; where there are both, one is the library of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of a library."""

    carrier: str
    """The package that brings it."""
    version: str
    """As far as the carrier says: `9.1.0`, or `8`."""

    @property
    def major(self) -> str:
        """The first number of the version."""
        return self.version.partition(".")[0]


def cudnn_copies(packages: Iterable[LockedPackage], platform: Platform) -> tuple[Copy, ...]:
    """Return the copies of cuDNN: a package, NVIDIA's wheels, and what a build has inside."""
    found: dict[tuple[str, str], Copy] = {}
    for item in packages:
        if item.manager == "pip":
            key, version = item.name, item.version if _is(item, WheelKind.CUDNN) else None
        elif item.name in CUDNN_PACKAGES:
            key, version = CUDNN_PACKAGES[0], item.version
        else:
            key, version = item.name, _inside(item, platform)
        if version:
            found.setdefault((key, version), Copy(carrier=item.name, version=version))
    return tuple(found.values())


def nccl_copies(packages: Iterable[LockedPackage]) -> tuple[Copy, ...]:
    """Return the copies of NCCL: conda's package and NVIDIA's wheels."""
    found = {
        (item.name, item.version): Copy(carrier=item.name, version=item.version)
        for item in packages
        if (item.name == "nccl" if item.manager == "conda" else _is(item, WheelKind.NCCL))
    }
    return tuple(found.values())


def _is(item: LockedPackage, kind: WheelKind) -> bool:
    component = wheel_component(item.name)
    return component is not None and component.kind is kind


def _inside(item: LockedPackage, platform: Platform) -> str | None:
    if vendored_cudnn(item.name, build_of(item)) is None:
        return None
    build = read_build(item.name, build_of(item), channel_of(item), platform.system)
    return build.cudnn if isinstance(build, CudaBuild) else None
