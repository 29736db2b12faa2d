"""Does an artifact's GPU code run on a GPU? NVIDIA's rules for machine code and for PTX.

- Machine code (SASS) of X.y runs on X.z for z >= y, within one major. With a suffix it runs on that
  exact GPU (`a`) or on its family (`f`); which of the two is not kept, so its own GPU is all that
  is sure. Jetson's numbers stand apart from the others, and so does a number that no table has.
- PTX of X.y runs on every later GPU, if the driver can compile it: the driver must be the one that
  the PTX's toolkit came with, or newer. Minor-version compatibility does not help here.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from envlock.compat.architectures import architecture, known_computes
from envlock.compat.drivers import DriverVersion, FloorRow, native_floor
from envlock.compat.evidence import Confidence
from envlock.compat.ptx import SYSTEMS, compiles_ptx, no
from envlock.compat.wheels import wheel_facts
from envlock.formats.kernels import format_entries
from envlock.model.host import Numbering
from envlock.model.platform import Platform
from envlock.model.verdict import Coverage, Covered, Evidence, Kernels, Missing, Unknown
from envlock.model.version import parse_dotted


def machine_code_for(kernels: Kernels, compute: str) -> str | None:
    """Return the compute capability whose machine code runs on a GPU: the nearest one below."""
    exact = set(kernels.family)
    fitting = [
        item
        for item in kernels.sass
        if item == compute or (item not in exact and _runs_on(item, compute))
    ]
    return max(fitting, key=parse_dotted, default=None)


def ptx_for(kernels: Kernels, compute: str) -> str | None:
    """Return the compute capability whose PTX a driver could compile for a GPU."""
    wanted = parse_dotted(compute)
    fitting = [item for item in kernels.ptx if parse_dotted(item) <= wanted]
    return max(fitting, key=parse_dotted, default=None)


def needs_ptx(kernels: Kernels, compute: str) -> bool:
    """Say whether a GPU finds nothing but PTX in an artifact."""
    return machine_code_for(kernels, compute) is None and ptx_for(kernels, compute) is not None


def cover_gpu(kernels: Kernels, compute: str, driver: str | None, numbering: Numbering) -> Coverage:
    """Say whether an artifact has code for a GPU, with the driver that would compile its PTX.

    Without a driver, PTX covers, and the evidence says which driver it takes.
    """
    if kernels.evidence is None:
        return Unknown(reason=f"nothing is known of the GPU code in {kernels.artifact}")
    code = machine_code_for(kernels, compute)
    if code:
        how = f"has machine code for {code}"
        return _covered(kernels, how if code == compute else f"{how}, which runs on {compute}")
    ptx = ptx_for(kernels, compute)
    if ptx:
        return _by_ptx(kernels, ptx, compute, driver, numbering)
    return _missing(kernels, compute)


def kernels_of_wheel(distribution: str, version: str, platform: Platform) -> Kernels:
    """Return what the tables know of a framework's wheel; without evidence where they do not."""
    artifact = f"{distribution} {version} wheel"
    facts = wheel_facts(distribution, version, platform)
    if facts is None:
        return Kernels(artifact=artifact)
    return Kernels(
        artifact=artifact, line=facts.line, sass=facts.sass, ptx=facts.ptx, evidence=facts.evidence
    )


def evidence_of(kernels: Kernels, fact: str) -> Evidence:
    """Return a fact that rests on what is known of an artifact."""
    known = kernels.evidence
    return Evidence(
        fact=f"{kernels.artifact} {fact}",
        row=known.row if known else "",
        source=known.source if known else "",
        confidence=known.confidence if known else Confidence.RECALLED.value,
    )


def ptx_floor(kernels: Kernels, numbering: Numbering) -> FloorRow | None:
    """Return the oldest driver that compiles an artifact's PTX; None where no row says."""
    return native_floor(kernels.line, SYSTEMS[numbering]) if kernels.line else None


def _runs_on(code: str, compute: str) -> bool:
    """Say whether machine code without a suffix runs on another GPU than its own."""
    own, other = architecture(code), architecture(compute)
    if own is None or other is None or own.tegra or other.tegra:
        return False
    have, want = parse_dotted(code), parse_dotted(compute)
    return have[0] == want[0] and have <= want


def _covered(kernels: Kernels, how: str) -> Coverage:
    return Covered(evidence=evidence_of(kernels, how))


def _by_ptx(
    kernels: Kernels, ptx: str, compute: str, driver: str | None, numbering: Numbering
) -> Coverage:
    how = f"has no machine code for {compute}, but PTX for {ptx}"
    if kernels.line is None:
        reason = f"{kernels.artifact} {how}, and nobody knows of which toolkit"
        return Unknown(reason=reason, evidence=evidence_of(kernels, how))
    parsed = DriverVersion.parse(driver) if driver else None
    match compiles_ptx(parsed, kernels.line, numbering):
        case Covered(evidence=found):
            return _covered(kernels, f"{how}; {found.fact}")
        case Missing(evidence=found, remedy=remedy):
            fact = f"{kernels.artifact} {how} of CUDA {kernels.line}, which {remedy} compiles"
            return no(replace(found, fact=fact, confidence=_weaker(found, kernels)), remedy)
        case Unknown(reason=reason):
            told = f"{kernels.artifact} {how}; {reason}"
            return Unknown(reason=told, evidence=evidence_of(kernels, how))


def _weaker(found: Evidence, kernels: Kernels) -> str:
    known = kernels.evidence
    sure = known is not None and known.confidence == Confidence.VERIFIED
    return found.confidence if sure else Confidence.RECALLED.value


def _missing(kernels: Kernels, compute: str) -> Coverage:
    has = " ".join(format_entries(kernels)) or "no GPU code at all"
    evidence = evidence_of(kernels, f"has nothing for {compute}: {has}")
    if compute not in known_computes():
        return Unknown(
            reason=f"compute capability {compute} is beyond the tables", evidence=evidence
        )
    if any(_runs_on(item, compute) for item in kernels.family):
        return Unknown(
            reason=f"{kernels.artifact} has code for one GPU or its family only, and nobody knows "
            f"which of the two: {has}",
            evidence=evidence,
        )
    return no(evidence, f"a build with code for {compute}" + _or_gpu(kernels))


def _or_gpu(kernels: Kernels) -> str:
    found: Iterable[str] = sorted({*kernels.sass, *kernels.ptx}, key=parse_dotted)
    named = ", ".join(found)
    return f", or a GPU of {named}" if named else ""
