"""Machines and verdicts, for people and for programs: what doctor, where and whatif share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envlock.cli.table import count, format_table, printable
from envlock.model.host import Host, HostGpu, HostProblem, Numbering, ProblemLevel
from envlock.model.platform import System
from envlock.model.verdict import Covered, Evidence, Judgement, Missing, Unknown, Verdict

if TYPE_CHECKING:
    from envlock.workflows.whatif import Candidate

SCREEN_WIDTH = 80
OBSERVED = "observed"
"""The row of a fact that is no table's: what the machine is."""
_BYTES_PER_GIB = 2**30


def screen_width() -> int:
    """Return how wide text becomes: a screen, or what a narrower terminal has."""
    from envlock.cli.table import terminal_width

    return min(terminal_width() or SCREEN_WIDTH, SCREEN_WIDTH)


def wrap(text: str, *, indent: str = "", hang: str | None = None) -> list[str]:
    """Return text as lines of the screen's width; those after the first begin with `hang`."""
    import textwrap

    return textwrap.wrap(
        printable(text),
        screen_width(),
        initial_indent=indent,
        subsequent_indent=indent if hang is None else hang,
        break_on_hyphens=False,
        break_long_words=False,
    )


# --- a machine ------------------------------------------------------------------------------------


def render_host(host: Host) -> Iterator[str]:
    """Yield the machine: its system, its driver, its GPUs, what is wrong with it."""
    yield from wrap(f"{host.name}: {', '.join(_system(host))}", hang="  ")
    yield from wrap(_driver(host), indent="  ", hang="    ")
    if host.gpus:
        yield ""
        rows = [("", "GPU", "compute", "memory", ""), *_gpu_rows(host.gpus)]
        yield from format_table(rows, indent="  ", cut=1, width=screen_width())
    for problem in host.problems:
        yield ""
        yield from _problem(problem)


def _system(host: Host) -> Iterator[str]:
    yield host.platform.value
    if host.glibc:
        yield f"glibc {host.glibc}"
    if host.macos:
        yield f"macOS {host.macos}"
    if host.kernel:
        yield f"kernel {host.kernel}"
    if host.wsl:
        yield "WSL"
    if host.container:
        yield "in a container" if host.container == "container" else f"in {host.container}"


def _driver(host: Host) -> str:
    if host.platform.system is System.MACOS:
        return _ON_A_MAC
    if host.driver is None and not host.gpus:
        return _WITHOUT_GPU
    if host.driver is None:
        return "no driver"
    kind = "Windows driver" if host.numbering is Numbering.WINDOWS else "driver"
    offers = f", offers CUDA {host.driver_cuda}" if host.driver_cuda else ""
    return f"{kind} {host.driver}{offers}" + ("" if host.gpus else "; no GPU")


_ON_A_MAC = "no NVIDIA GPU, as on every Mac: stacks for CPUs and MPS run here"
_WITHOUT_GPU = "no NVIDIA GPU and no driver: stacks for CPUs run here, GPU stacks do not"


def _gpu_rows(gpus: Sequence[HostGpu]) -> Iterator[Sequence[str]]:
    """Yield equal GPUs as one row."""
    for gpu in dict.fromkeys(gpus):
        memory = f"{gpu.memory_bytes / _BYTES_PER_GIB:.0f} GiB" if gpu.memory_bytes else ""
        yield (
            f"{gpus.count(gpu)} x",
            gpu.name.removeprefix("NVIDIA "),
            gpu.compute or "?",
            memory or "?",
            ", ".join(_gpu_extras(gpu)),
        )


def _gpu_extras(gpu: HostGpu) -> Iterator[str]:
    if gpu.nvlinks:
        yield count(gpu.nvlinks, "NVLink")
    if gpu.mig:
        yield f"MIG {' '.join(gpu.mig_profiles) or 'without instances'}"
    if gpu.compute_mode not in (None, "default"):
        yield str(gpu.compute_mode)


def _problem(problem: HostProblem) -> Iterator[str]:
    level = "broken" if problem.level is ProblemLevel.BROKEN else "warning"
    yield from wrap(f"{level}: {problem.message} [{problem.code}]", hang="  ")
    if problem.hint:
        yield from wrap(f"hint: {problem.hint}", indent="  ", hang="    ")


# --- verdicts -------------------------------------------------------------------------------------


def because(verdict: Verdict) -> str:
    """Return the fact that decides, in one sentence."""
    return fact_of(verdict.deciding) if verdict.deciding else "nothing to judge"


def fact_of(judgement: Judgement) -> str:
    """Return the fact that a judgement rests on, or why there is none."""
    match judgement.coverage:
        case Covered(evidence=evidence) | Missing(evidence=evidence):
            return evidence.fact
        case Unknown(reason=reason):
            return reason


def remedy(verdict: Verdict) -> str:
    """Return the smallest change that would do, empty where none is known."""
    deciding = verdict.deciding
    coverage = deciding.coverage if deciding else None
    return coverage.remedy if isinstance(coverage, Missing) else ""


def evidence_of(judgement: Judgement) -> Evidence | None:
    """Return the row that a judgement rests on."""
    return judgement.coverage.evidence


def told_source(evidence: Evidence) -> str:
    """Return where a fact stands, for people: the row, its source, how sure it is."""
    return f"{evidence.row}, {evidence.confidence}: {evidence.source}"


def describe_verdict(verdict: Verdict) -> Mapping[str, object]:
    """Return a verdict as plain data."""
    return {
        "workload": verdict.workload,
        "platform": verdict.platform.value,
        "machine": verdict.machine,
        "fit": verdict.fit.value,
        "deciding": describe_judgement(verdict.deciding) if verdict.deciding else None,
        "judgements": [describe_judgement(item) for item in verdict.judgements],
    }


def describe_judgement(judgement: Judgement) -> Mapping[str, object]:
    """Return a judgement as plain data; `coverage` is covered, missing or unknown."""
    found: dict[str, object] = {"subject": judgement.subject}
    match judgement.coverage:
        case Covered():
            found["coverage"] = "covered"
        case Missing(remedy=text):
            found |= {"coverage": "missing", "remedy": text}
        case Unknown(reason=reason):
            found |= {"coverage": "unknown", "reason": reason}
    evidence = evidence_of(judgement)
    if evidence is not None:
        found["evidence"] = {
            "fact": evidence.fact,
            "row": evidence.row,
            "source": evidence.source,
            "confidence": evidence.confidence,
        }
    return found


def describe_candidate(candidate: Candidate) -> Mapping[str, object]:
    """Return which file was judged."""
    return {"path": candidate.path, "judged": candidate.read, "name": candidate.name}


def render_reasons(reasons: Iterable[tuple[str, Verdict]]) -> Iterator[str]:
    """Yield names with the fact that decides about them, said once for all that share it.

    A fact can end in what each machine has: those that differ in nothing else share it, too.
    """
    said: dict[tuple[str, str], dict[str, str]] = {}
    for name, verdict in reasons:
        fact = because(verdict)
        said.setdefault((_WHAT_IT_HAS.split(fact)[0], remedy(verdict)), {})[name] = fact
    for (shared, change), found in said.items():
        facts = dict.fromkeys(found.values())
        yield from wrap(", ".join(found), indent="  ")
        yield from wrap(
            next(iter(facts)) if len(facts) == 1 else shared, indent="    ", hang="      "
        )
        if change:
            yield from wrap(f"would do: {change}", indent="    ", hang="      ")


_WHAT_IT_HAS = re.compile(r"[;,] the machine has ")
