"""What a platform's machine can do, as virtual packages, derived from the stack alone.

Never from the machine that solves: the same stack must give the same lock everywhere.
"""

from __future__ import annotations

from envlock.compat.drivers import cuda_of_driver
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.question import VirtualPackage
from envlock.model.stack import Stack
from envlock.model.version import parse_dotted

DEFAULT_GLIBC = "2.28"
"""RHEL 8, Debian 10, Ubuntu 18.10: what manylinux_2_28 and pixi assume too."""
DEFAULT_LINUX = "5.10"
DEFAULT_MACOS = "13.0"
DEFAULT_WINDOWS = "10"
_DEFAULT = "a default"


def virtual_packages(stack: Stack, platform: Platform) -> tuple[VirtualPackage, ...]:
    """Return the virtual packages that a platform's question assumes, by name."""
    found = [*_system(stack, platform), _archspec(platform), *_cuda(stack, platform)]
    return tuple(sorted(found, key=lambda item: item.name))


def _system(stack: Stack, platform: Platform) -> list[VirtualPackage]:
    unix = VirtualPackage(name="__unix", version="0", because="the platform")
    match platform.system:
        case System.LINUX:
            glibc = stack.fleet.glibc
            return [
                unix,
                VirtualPackage(name="__linux", version=DEFAULT_LINUX, because=_DEFAULT),
                VirtualPackage(
                    name="__glibc",
                    version=glibc or DEFAULT_GLIBC,
                    because="fleet.glibc" if glibc else _DEFAULT,
                ),
            ]
        case System.MACOS:
            macos = stack.fleet.macos
            return [
                unix,
                VirtualPackage(
                    name="__osx",
                    version=macos or DEFAULT_MACOS,
                    because="fleet.macos" if macos else _DEFAULT,
                ),
            ]
        case System.WINDOWS:
            return [VirtualPackage(name="__win", version=DEFAULT_WINDOWS, because=_DEFAULT)]


def _archspec(platform: Platform) -> VirtualPackage:
    build = platform.microarchitecture
    return VirtualPackage(name="__archspec", version="1", build=build, because="the platform")


def _cuda(stack: Stack, platform: Platform) -> list[VirtualPackage]:
    if stack.gpu is None or stack.accelerator(platform) is not Accelerator.CUDA:
        return []
    driver = stack.fleet.driver
    highest = cuda_of_driver(driver) if driver else None
    because = f"fleet.driver = {driver}" if highest else "gpu.cuda"
    line = highest or stack.gpu.cuda
    found = [VirtualPackage(name="__cuda", version=str(line), because=because)]
    if stack.gpu.compute:
        lowest = min(stack.gpu.compute, key=parse_dotted)
        found.append(
            VirtualPackage(name="__cuda_arch", version=lowest, because="gpu.compute, the lowest")
        )
    return found
