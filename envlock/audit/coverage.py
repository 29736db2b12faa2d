"""How a judgement of compat becomes a severity."""

from __future__ import annotations

from envlock.model.finding import Severity
from envlock.model.host import Numbering
from envlock.model.platform import Platform, System
from envlock.model.verdict import Coverage, Covered, Missing, Unknown


def severity_of(coverage: Coverage) -> Severity | None:
    """Return how bad it is: what a verified row denies, a recalled one, and what nobody knows.

    None for what is covered.
    """
    match coverage:
        case Covered():
            return None
        case Missing():
            return Severity.ERROR
        case Unknown(evidence=evidence):
            return Severity.NOTE if evidence is None else Severity.WARNING


def said(coverage: Coverage) -> str:
    """Return what decided, in words."""
    match coverage:
        case Covered(evidence=evidence) | Missing(evidence=evidence):
            return evidence.fact
        case Unknown(reason=reason):
            return reason


def numbering_of(platform: Platform) -> Numbering:
    """Return which of NVIDIA's series the drivers of a platform count in."""
    return Numbering.WINDOWS if platform.system is System.WINDOWS else Numbering.LINUX
