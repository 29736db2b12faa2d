"""The platforms that a stack can name: conda's subdirs."""

from __future__ import annotations

from enum import StrEnum


class System(StrEnum):
    """The operating system half of a platform."""

    LINUX = "linux"
    MACOS = "osx"
    WINDOWS = "win"


class Platform(StrEnum):
    """A conda subdir that packages are locked for."""

    LINUX_64 = "linux-64"
    LINUX_AARCH64 = "linux-aarch64"
    OSX_64 = "osx-64"
    OSX_ARM64 = "osx-arm64"
    WIN_64 = "win-64"

    @property
    def system(self) -> System:
        """The operating system half."""
        return System(self.value.partition("-")[0])

    @property
    def microarchitecture(self) -> str:
        """The baseline of `__archspec`: what every machine of this platform can run."""
        match self:
            case Platform.LINUX_64 | Platform.OSX_64 | Platform.WIN_64:
                return "x86_64"
            case Platform.LINUX_AARCH64:
                return "aarch64"
            case Platform.OSX_ARM64:
                return "m1"

    @property
    def subdirs(self) -> tuple[str, str]:
        """The channel folders that a solve for this platform reads."""
        return (self.value, "noarch")


class Accelerator(StrEnum):
    """What the frameworks of a platform compute on."""

    CUDA = "cuda"
    MPS = "mps"
    """Apple's GPU; the packages are the platform's ordinary (CPU) builds."""
    CPU = "cpu"
