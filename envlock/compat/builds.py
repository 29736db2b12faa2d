"""What a framework's conda build string says: CUDA of which line, or CPU.

The strings are as the channels write them: `py3.11_cuda12.1_cudnn9.1.0_0` and `py311_cu121` in the
pytorch channel, `cuda129_mkl_py313_h…_300`, `cuda118py311h…_0`, `h…_1_cuda` and `cpu_generic_…` in
conda-forge. Undotted digits are major and minor, the minor one digit: `cu92` is 9.2, `cu102` 10.2,
`cuda129` 12.9; two digits from 10 on are a major alone (`cuda12`), which names no line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from envlock.model.platform import System
from envlock.model.version import CudaLine

_END = r"(?=$|_|py|h[0-9a-f]{7})"
_CUDA = re.compile(rf"(?:^|_|py\d{{2,3}})cu(?:da)?(?P<digits>\d+(?:\.\d+)*)?{_END}")
_GPU = re.compile(rf"(?:^|_)gpu{_END}")
_CPU = re.compile(rf"(?:^|_)(?:cpu|nocuda){_END}")
_CUDNN = re.compile(r"_cudnn(?P<version>\d+(?:\.\d+)*)(?=$|_)")

_ALWAYS_CUDA = frozenset(
    {"cupy", "cupy-core", "magma", "libmagma", "libmagma_sparse", "torchtriton"}
)
"""Published for CUDA only, under builds that do not say so."""
_VENDORS_CUDNN = frozenset({"pytorch"})
"""Whose CUDA builds in the pytorch channel contain the cuDNN that the build names."""
_LAST_ONE_DIGIT_MAJOR = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBuild:
    """A build with CUDA kernels."""

    line: CudaLine | None
    """The toolkit line that it was built with; None where the build says CUDA but not which."""
    cudnn: str | None = None
    """The cuDNN inside the package, as far as the build names it: `9.1.0`, or `9`."""


@dataclass(frozen=True, slots=True)
class CpuBuild:
    """A build without CUDA. On macOS it is also the one that uses Apple's GPU."""


@dataclass(frozen=True, slots=True)
class UnknownBuild:
    """The build string tells nothing about CUDA."""


Build = CudaBuild | CpuBuild | UnknownBuild


def read_build(name: str, build: str, channel: str, system: System) -> Build:
    """Return what a record's build string, and failing that its name, says about CUDA.

    `channel` is a channel's name or base URL; a bundled cuDNN is believed of pytorch's channels
    only. Meant for frameworks and what goes with them: of any other package it says what the string
    says, and on macOS that every build without a CUDA tag is a CPU build.
    """
    if name.endswith("-cpu"):  # faiss-cpu has py36_cuda0.0_1, and py36_cuda9.0.176_1
        return CpuBuild()
    if match := _CUDA.search(build):
        cudnn = vendored_cudnn(name, build) if _is_pytorch(channel) else None
        return CudaBuild(line=line_in_digits(match["digits"]), cudnn=cudnn)
    if _GPU.search(build):
        return CudaBuild(line=None)
    if _CPU.search(build) or system is System.MACOS:
        return CpuBuild()
    if name.endswith("-gpu") or name in _ALWAYS_CUDA:
        return CudaBuild(line=None)
    return UnknownBuild()


def vendored_cudnn(name: str, build: str) -> str | None:
    """Return the cuDNN version inside a build of the pytorch channel, as the build names it.

    `py3.11_cuda12.1_cudnn9.1.0_0` has `9.1.0`; Windows builds name the major alone (`8`).
    """
    match = _CUDNN.search(build) if name in _VENDORS_CUDNN else None
    return match["version"] if match else None


def runs_on(build_line: CudaLine, line: CudaLine) -> bool:
    """Whether a build for one toolkit line runs with the libraries of another.

    Minor versions are compatible forwards: same major, and built for that minor or an older one.
    """
    return build_line.major == line.major and build_line.minor <= line.minor


def cuda_major_of(build: str) -> int | None:
    """Return the CUDA major that a build string names, alone or as part of a line."""
    match = _CUDA.search(build)
    digits = match["digits"] if match else None
    if digits is None:
        return None
    line = line_in_digits(digits)
    return line.major if line else int(digits)


def line_in_digits(digits: str | None) -> CudaLine | None:
    """Return the line that a tag's digits name: `121` and `12.1` are 12.1, `92` is 9.2, `12` none.

    None also for no digits.
    """
    if digits is None:
        return None
    if "." in digits:
        return CudaLine.parse(digits)
    width = 1 if int(digits[0]) in range(2, _LAST_ONE_DIGIT_MAJOR + 1) else 2
    major, minor = digits[:width], digits[width:]
    return CudaLine(int(major), int(minor)) if minor else None


def _is_pytorch(channel: str) -> bool:
    return any(part.startswith("pytorch") for part in channel.split("/"))
