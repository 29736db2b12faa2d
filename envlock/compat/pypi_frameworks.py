"""The frameworks as PyPI distributions: what to ask for, and which wheel has the kernels."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.model.platform import Platform
from envlock.model.version import CudaLine


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiFramework:
    """One framework on PyPI, for a CUDA line or for none."""

    name: str
    """As a stack writes it."""
    distribution: str
    extra: str
    """The extra that brings the CUDA libraries in; empty where none is needed."""
    carrier: str
    """The distribution whose wheel has the kernels."""
    gpu_platforms: tuple[Platform, ...]
    """Where the default index has CUDA wheels, in some version."""
    source: str
    confidence: Confidence


def pypi_framework(name: str, line: CudaLine | None, platform: Platform) -> PypiFramework | None:
    """Return a framework by its name in a stack; None where it is not known."""
    rows = read_table("pypi_frameworks", "framework")
    return next((_facts(row, line, platform) for row in rows if row["name"] == name), None)


def distribution_names(name: str) -> tuple[str, ...]:
    """Return the distributions that a framework is asked for as, on one machine or another."""
    rows = (row for row in read_table("pypi_frameworks", "framework") if row["name"] == name)
    found = (row[column] for row in rows for column in ("distribution", "cpu_distribution"))
    return tuple(dict.fromkeys(found))


def cpu_twin(distribution: str) -> str | None:
    """Return the distribution without CUDA beside one that has it; None where there is none."""
    rows = (
        row
        for row in read_table("pypi_frameworks", "framework")
        if row["distribution"] == distribution != row["cpu_distribution"]
    )
    return next((row["cpu_distribution"] for row in rows), None)


def framework_distributions() -> frozenset[str]:
    """Return the distributions that are a framework, or have the kernels of one."""
    rows = read_table("pypi_frameworks", "framework")
    return frozenset(row[column] for row in rows for column in ("distribution", "carrier"))


def _facts(row: Row, line: CudaLine | None, platform: Platform) -> PypiFramework:
    def of_major(text: str) -> str:
        return text.replace("{major}", str(line.major)) if line else ""

    is_cpu = line is None and platform is Platform.LINUX_64
    distribution = row["cpu_distribution"] if is_cpu else row["distribution"]
    return PypiFramework(
        name=row["name"],
        distribution=distribution,
        extra=of_major(row["gpu_extra"]),
        carrier=of_major(row["carrier"]) or distribution,
        gpu_platforms=tuple(map(Platform, row["gpu_platforms"].split())),
        source=row["source"],
        confidence=confidence_of(row),
    )
