"""Conda builds of frameworks: the GPUs that each was compiled for."""

from __future__ import annotations

from envlock.compat.builds import CudaBuild, read_build
from envlock.compat.evidence import Confidence, Row, read_table
from envlock.compat.wheels import torch_variant
from envlock.model.platform import Platform
from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine, parse_dotted

_RECIPES = {
    "pytorch": "pytorch",
    "libtorch": "pytorch",
    "pytorch-gpu": "pytorch",
    "jaxlib": "jaxlib",
}
"""Whose recipe makes a package of conda-forge."""


def conda_kernels(
    name: str, version: str, build: str, channel: str, platform: Platform
) -> Kernels | None:
    """Return the GPU code of a framework's build in conda-forge or the pytorch channel.

    `channel` is a channel's name or base URL. None for builds without CUDA, and where nobody knows
    the list: other packages and channels, and toolkit lines that no table holds.
    """
    read = read_build(name, build, channel, platform.system)
    if not isinstance(read, CudaBuild) or read.line is None:
        return None
    artifact = f"{name} {version} {build}"
    parts = channel.rstrip("/").split("/")
    if "conda-forge" in parts:
        return _of_forge(artifact, _RECIPES.get(name), version, read.line, platform)
    if "pytorch" in parts and name == "pytorch":
        return _of_pytorch(artifact, version, read.line, platform)
    return None


def _of_forge(
    artifact: str, recipe: str | None, version: str, line: CudaLine, platform: Platform
) -> Kernels | None:
    for row in read_table("conda_kernels", "conda_forge"):
        if (row["package"], row["cuda"], row["platform"]) == (recipe, str(line), platform):
            return _kernels(artifact, row, version, line)
    return None


def _kernels(artifact: str, row: Row, version: str, line: CudaLine) -> Kernels:
    sass, ptx = row["sass"].split(), row["ptx"].split()
    was_seen = version[:1].isdigit() and parse_dotted(version)[:2] <= parse_dotted(row["until"])
    return Kernels(
        artifact=artifact,
        line=line,
        sass=tuple(sass),
        ptx=tuple(ptx),
        evidence=Evidence(
            fact=f"conda-forge compiles {row['package']} with CUDA {line} for "
            f"{', '.join(sass)} and PTX for {', '.join(ptx)}",
            row=f"conda_kernels/conda_forge[{row['package']} {line} {row['platform']}]",
            source=row["source"],
            confidence=row["confidence"] if was_seen else Confidence.RECALLED.value,
        ),
    )


def _of_pytorch(artifact: str, version: str, line: CudaLine, platform: Platform) -> Kernels | None:
    """Take the list of the wheel for the same line: the channel's own was not seen."""
    wheel = torch_variant(version, f"cu{line.major}{line.minor}", platform)
    if wheel is None:
        return None
    return Kernels(
        artifact=artifact,
        line=line,
        sass=wheel.sass,
        ptx=wheel.ptx,
        evidence=Evidence(
            fact=f"the wheel of torch {version} for CUDA {line} has machine code for "
            f"{', '.join(wheel.sass)}; the channel's build is compiled like it",
            row=wheel.evidence.row,
            source=wheel.evidence.source,
            confidence=Confidence.RECALLED.value,
        ),
    )
