"""EL305: the fleet's driver is older than what a lock needs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from envlock.audit.coverage import numbering_of, said, severity_of
from envlock.audit.declared import fleet_of
from envlock.audit.environments import Environment, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.compat.cuda_signs import cuda_sign
from envlock.compat.driver_fit import judge_driver
from envlock.model.finding import Severity
from envlock.model.host import Host
from envlock.model.platform import Platform
from envlock.model.sight import Sight
from envlock.model.verdict import Missing

_NAMING = ("cuda-version", "cudatoolkit", "cuda-cudart", "pytorch", "torch", "jaxlib")
"""The packages by which a person knows a CUDA line, the first of them first."""


class _Doubt(Struct, frozen=True):
    """Why a driver will not do, or may not."""

    told: str
    severity: Severity
    remedy: str


def _find(case: Case) -> Iterable[Hit]:
    driver = fleet_of(case).driver
    if not driver:
        return
    found = gathered(case.environments, lambda place: _doubts(place, driver))
    for doubt, places in found.items():
        yield Hit(
            message=f"{doubt.told} ({told_places(places)}).",
            line=next(filter(None, map(places[0].line_of, _NAMING)), 0),
            subject="driver",
            severity=doubt.severity,
            remedy=doubt.remedy,
        )


def _doubts(place: Environment, driver: str) -> Iterable[_Doubt]:
    line, platform = place.workload.line, place.platform
    if line is None or platform is None or not _computes(place, platform):
        return
    numbering = numbering_of(platform)
    host = Host(name="the fleet", platform=platform, driver=driver, numbering=numbering)
    coverage = judge_driver(place.workload, line, host)
    severity = severity_of(coverage)
    if severity is None:
        return
    verb = "does not run" if severity is Severity.ERROR else "may not run"
    fact = said(coverage).replace("the machine has", "the fleet has")
    remedy = coverage.remedy if isinstance(coverage, Missing) else ""
    yield _Doubt(
        told=f"CUDA {line} {verb} on the fleet's driver {driver}: {fact}",
        severity=severity,
        remedy=f"use {remedy}, or packages for an older CUDA." if remedy else "",
    )


def _computes(place: Environment, platform: Platform) -> bool:
    """Say whether anything of CUDA is there beside the package that only names a line."""
    return bool(place.facts) or any(
        cuda_sign(item.row, platform) for item in place.placed if item.row.name != "cuda-version"
    )


RULE = Rule(
    code="EL305",
    name="driver-floor",
    title="CUDA that the fleet's driver is too old for",
    reason="A CUDA line needs a driver of its time: with an older one every call to the GPU fails, "
    "although everything installs.",
    remedy="raise the driver, or take packages for an older CUDA.",
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.FLEET,),
)
