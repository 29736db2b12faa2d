"""GPU machines that can be rented: which GPU each has, and which driver it could get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envlock.compat.architectures import architecture
from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.model.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudInstance:
    """One instance type. Which driver it gets is the renter's choice."""

    provider: str
    """`aws`, `gcp` or `azure`."""
    name: str
    gpu: str
    """The model, as a person names it: `H100`."""
    count: int
    memory_gb: int | None
    """Of one GPU; None where no source says."""
    platform: Platform
    row: str
    """Where it stands: `cloud/instance[p5.48xlarge]`."""
    source: str
    confidence: Confidence


def cloud_providers() -> tuple[str, ...]:
    """Return the names of the providers, in the order of the table."""
    return tuple(dict.fromkeys(row["provider"] for row in read_table("cloud", "instance")))


def cloud_instances(provider: str | None = None) -> tuple[CloudInstance, ...]:
    """Return the instance types of a provider, or of all, in the order of the table."""
    rows = read_table("cloud", "instance")
    return tuple(_instance(row) for row in rows if provider in (None, row["provider"]))


def newest_driver(computes: Iterable[str | None]) -> str:
    """Return the newest known driver branch that drives GPUs of all these compute capabilities."""
    newest = max((row["branch"] for row in read_table("drivers", "driver_cuda")), key=int)
    known = (architecture(compute) for compute in computes if compute)
    last = [found.last_driver_branch for found in known if found and found.last_driver_branch]
    return min([*last, newest], key=int)


def _instance(row: Row) -> CloudInstance:
    return CloudInstance(
        provider=row["provider"],
        name=row["instance"],
        gpu=row["gpu"],
        count=int(row["count"]),
        memory_gb=int(row["memory_gb"]) if row["memory_gb"] else None,
        platform=Platform(row["platform"]),
        row=f"cloud/instance[{row['instance']}]",
        source=row["source"],
        confidence=confidence_of(row),
    )
