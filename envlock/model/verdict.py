"""Will it run? What a workload needs, and what is known about a machine for each need.

Coverage has three answers, and none of them is a guess. `Missing` rests on a verified row,
`Covered` on a row that it shows, which may be recalled; all else is `Unknown` and says why.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from envlock.model.platform import Platform
from envlock.model.version import CudaLine


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fact that decides."""

    fact: str
    """In words, with its numbers: `CUDA 12 runs on Linux driver 525.60.13 or newer`."""
    row: str
    """Where it stands: `drivers/minor_compat[12]`; for a fact read off an artifact its digest."""
    source: str
    confidence: str
    """`verified` or `recalled`."""


class Kernels(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The GPU code of one artifact."""

    artifact: str
    """For people: `torch 2.15.0 wheel`, `pytorch 2.5.1 py3.11_cuda12.1_cudnn9.1.0_0`."""
    line: CudaLine | None = None
    """The toolkit that compiled it, where known."""
    sass: tuple[str, ...] = ()
    """Compute capabilities that it has machine code for: `8.0`, ordered."""
    ptx: tuple[str, ...] = ()
    """Those that it has PTX for: a driver may compile it for newer GPUs."""
    family: tuple[str, ...] = ()
    """Of `sass`, those compiled with an `a` or `f` suffix: exact GPU or family only."""
    evidence: Evidence | None = None
    """None: nothing is known of this artifact's kernels, and both lists mean nothing."""


class Workload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stack or a lock asks of a machine, on one platform."""

    name: str
    platform: Platform
    line: CudaLine | None = None
    """The CUDA line; None for a workload without CUDA."""
    kernels: tuple[Kernels, ...] = ()
    """One for each framework that brings GPU code."""
    compilers: tuple[str, ...] = ()
    """Packages that compile PTX at run time, such as `numba`: they need the line's own driver."""
    compute: tuple[str, ...] = ()
    """GPUs that it was declared for."""
    glibc: str | None = None
    macos: str | None = None
    forward_compat: bool = False
    """Whether it brings a driver's user space (cuda-compat) and the stack says to use it."""


class Covered(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """It is met, by this row; a recalled one is told as such."""

    evidence: Evidence


class Missing(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """It is not met, by this verified row."""

    evidence: Evidence
    remedy: str = ""
    """The smallest change that would do."""


class Unknown(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Nobody can say: beyond the tables, or only recalled."""

    reason: str
    evidence: Evidence | None = None
    """A recalled row that says no is a warning and never a refusal."""


Coverage = Covered | Missing | Unknown


class Judgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One need of a workload against one machine."""

    subject: str
    """What was looked at: `driver`, `GPU Tesla V100 (7.0)`, `glibc`, `platform`."""
    coverage: Coverage


class Fit(StrEnum):
    """The verdict in one word."""

    RUNS = "runs"
    REFUSED = "does not run"
    UNKNOWN = "unknown"


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workload on a machine: every need, judged."""

    workload: str
    platform: Platform
    machine: str
    judgements: tuple[Judgement, ...]

    @property
    def fit(self) -> Fit:
        """One Missing refuses; else one Unknown leaves it open."""
        found = [item.coverage for item in self.judgements]
        if any(isinstance(item, Missing) for item in found):
            return Fit.REFUSED
        if any(isinstance(item, Unknown) for item in found):
            return Fit.UNKNOWN
        return Fit.RUNS

    @property
    def deciding(self) -> Judgement | None:
        """The need that decides: what is missing, else what is unknown, else the last one.

        An unknown that rests on a recalled row says more than one that rests on nothing.
        """
        return min(self.judgements, key=_weight, default=None)


def _weight(item: Judgement) -> int:
    match item.coverage:
        case Missing():
            return 0
        case Unknown(evidence=Evidence()):
            return 1
        case Unknown():
            return 2
        case Covered():
            return 4 if item.subject == "platform" else 3
