"""EL306: a framework has no code for a GPU that must run it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from envlock.audit.coverage import numbering_of, said, severity_of
from envlock.audit.declared import compute_of, fleet_of
from envlock.audit.environments import Environment, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.compat.architectures import architecture
from envlock.compat.evidence import Confidence
from envlock.compat.kernels import cover_gpu
from envlock.model.finding import Severity
from envlock.model.sight import Sight
from envlock.model.verdict import Kernels, Missing
from envlock.model.version import CudaLine


class _Gap(Struct, frozen=True):
    """One reason for which GPUs will not do, or may not."""

    computes: tuple[str, ...]
    subject: str
    told: str
    severity: Severity
    remedy: str


def _find(case: Case) -> Iterable[Hit]:
    computes, driver = compute_of(case), fleet_of(case).driver
    found = gathered(case.environments, lambda place: _gaps(place, computes, driver))
    for gap, places in found.items():
        yield Hit(
            message=f"compute capability {listed(gap.computes, 8)}: {gap.told} "
            f"({told_places(places)}).",
            line=places[0].line_of(gap.subject),
            subject=gap.subject,
            severity=gap.severity,
            remedy=gap.remedy,
        )


def _gaps(place: Environment, computes: tuple[str, ...], driver: str | None) -> Iterable[_Gap]:
    line = place.workload.line
    if line is None or place.platform is None:
        return
    left = {compute: gap for compute in computes for gap in _left(line, compute)}
    yield from left.values()
    rest = tuple(compute for compute in computes if compute not in left)
    for kernels in place.workload.kernels:
        yield from _of_artifact(place, kernels, rest, driver)


def _left(line: CudaLine, compute: str) -> Iterable[_Gap]:
    row = architecture(compute)
    if row and row.is_dropped_by(line):
        is_sure = row.confidence is Confidence.VERIFIED
        yield _Gap(
            computes=(compute,),
            subject="cuda",
            told=f"CUDA {line} has left {row.name}, the last line for it is {row.last_line}",
            severity=Severity.ERROR if is_sure else Severity.WARNING,
            remedy=f"take packages for CUDA {row.last_line} or older.",
        )


def _of_artifact(
    place: Environment, kernels: Kernels, computes: tuple[str, ...], driver: str | None
) -> Iterable[_Gap]:
    """Yield what an artifact lacks: GPUs that lack it in the same way together."""
    platform = place.platform
    if platform is None or not computes:
        return
    numbering = numbering_of(platform)
    alike: dict[tuple[Severity, str], list[tuple[str, str]]] = {}
    for compute in computes:
        coverage = cover_gpu(kernels, compute, driver, numbering)
        severity = severity_of(coverage)
        if severity:
            remedy = coverage.remedy if isinstance(coverage, Missing) else ""
            told = said(coverage)
            key = (severity, told.replace(f" for {compute}", ""))
            alike.setdefault(key, []).append((compute, f"{remedy}." if remedy else ""))
    for (severity, told), pairs in alike.items():
        yield _Gap(
            computes=tuple(compute for compute, _ in pairs),
            subject=kernels.artifact.partition(" ")[0],
            told=told,
            severity=severity,
            remedy=pairs[0][1] if len(pairs) == 1 else "",
        )


RULE = Rule(
    code="EL306",
    name="gpu-kernels",
    title="GPUs that a framework has no code for",
    reason="A build holds machine code for the GPUs of its time. On another one it stops with "
    "`no kernel image is available`, after everything was installed.",
    remedy="take a build that has code for these GPUs: often the same version for a newer CUDA.",
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.GPUS,),
)
