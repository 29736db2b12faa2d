"""The story of `where`: one stack, and every machine that it could run on.

A rented machine comes with the driver that its renter installs. So it is judged with the newest
branch that drives its GPUs; where the stack runs then, the oldest driver that would do is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.compat.architectures import architecture
from envlock.compat.cloud import CloudInstance, newest_driver
from envlock.compat.drivers import DriverVersion, minor_floor, native_floor
from envlock.compat.evidence import Confidence
from envlock.compat.fit import judge
from envlock.compat.hardware import gpu_model
from envlock.model.host import Host, HostGpu
from envlock.model.platform import System
from envlock.model.verdict import Fit, Verdict, Workload
from envlock.workflows.whatif import Candidate, judge_candidate, suit

_BYTES_PER_GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine and whether the stack runs there."""

    host: Host
    verdict: Verdict
    instance: CloudInstance | None = None
    """None for a recorded machine, whose driver is as it is."""
    driver_floor: str | None = None
    """The oldest driver that does, where the stack runs on a rented machine and needs one."""

    @property
    def is_from_memory(self) -> bool:
        """Whether nobody saw in a document which GPU the machine has."""
        return self.instance is not None and self.instance.confidence is Confidence.RECALLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A stack and its places."""

    candidate: Candidate
    places: tuple[Place, ...]


def find_places(
    candidate: Candidate, hosts: Iterable[Host], instances: Iterable[CloudInstance]
) -> Placement:
    """Judge a candidate on recorded machines, then on rented ones."""
    recorded = [Place(host=host, verdict=judge_candidate(candidate, host)) for host in hosts]
    rented = [_rent(candidate, instance) for instance in instances]
    return Placement(candidate=candidate, places=(*recorded, *rented))


def rented_host(instance: CloudInstance) -> Host:
    """Return the machine of an instance type, with the newest driver that its GPUs have."""
    model = gpu_model(instance.gpu)
    gpu = HostGpu(
        name=instance.gpu,
        compute=model.compute if model else None,
        memory_bytes=instance.memory_gb * _BYTES_PER_GB if instance.memory_gb else None,
    )
    return Host(
        name=instance.name,
        platform=instance.platform,
        driver=newest_driver([gpu.compute]),
        gpus=(gpu,) * instance.count,
    )


def _rent(candidate: Candidate, instance: CloudInstance) -> Place:
    workload = candidate.workloads.get(instance.platform)
    host = suit(rented_host(instance), workload)
    verdict = judge_candidate(candidate, host)
    floor = None
    if workload is not None and verdict.fit is not Fit.REFUSED:
        floor = oldest_driver(workload, host, verdict.fit)
    return Place(host=host, verdict=verdict, instance=instance, driver_floor=floor)


def oldest_driver(workload: Workload, host: Host, fit: Fit) -> str | None:
    """Return the oldest driver with which a workload fits a machine as it does with its own.

    Candidates are the floors that the tables name for what the workload brings, from the driver
    on that first knew the GPUs; None where no table names one.
    """
    lines = {workload.line, *(kernels.line for kernels in workload.kernels)}
    rows = [
        find(line, System.LINUX) for line in lines if line for find in (minor_floor, native_floor)
    ]
    if any(_is_tegra(gpu.compute) for gpu in host.gpus):
        return None  # a Jetson's driver is part of its system and counts otherwise
    first = [_first_driver(gpu.compute) for gpu in dict.fromkeys(host.gpus)]
    begin = max((item for item in first if item), key=_order, default=None)
    drivers = [row.driver for row in rows if row] + ([begin] if begin else [])
    for driver in sorted(set(drivers), key=_order):
        if begin is not None and not driver.meets(begin):
            continue
        if judge(workload, replace(host, driver=driver.text)).fit is fit:
            return driver.text
    return None


def _is_tegra(compute: str | None) -> bool:
    row = architecture(compute) if compute else None
    return row is not None and row.tegra


def _first_driver(compute: str | None) -> DriverVersion | None:
    """Return the oldest driver that drives a GPU, where one is known."""
    row = architecture(compute) if compute else None
    return DriverVersion.parse(row.min_driver) if row and row.min_driver else None


def _order(driver: DriverVersion) -> tuple[int, ...]:
    return (driver.branch, *driver.release)
