"""The environment's bytes, and the machine under it: what is judged without a probe."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.model.outcome import Check, Failed, NotRun, Obligation, Outcome, Passed
from envlock.model.verdict import Covered, Judgement, Missing, Unknown
from envlock.model.verifying import Integrity, Observed

NOT_OURS = "envlock did not build this environment, so there is no lock to hold it against"
_SHOWN = 5
_GPU_SUBJECTS = ("driver", "GPU")


def judge_bytes(observed: Observed) -> Check:
    """Say whether the environment still is what its lock made it."""
    return Check(
        obligation=Obligation.ARTIFACTS,
        name="environment.bytes",
        outcome=_bytes(observed.integrity),
    )


def _bytes(found: Integrity | None) -> Outcome:
    if found is None:
        return NotRun(reason=NOT_OURS)
    if not found.differences and not found.problem:
        return Passed(
            said=f"{found.files:,} files, {found.size_bytes:,} bytes, each as it was sealed"
        )
    listed = [found.problem] if found.problem else []
    listed += [str(each) for each in found.differences[:_SHOWN]]
    if len(found.differences) > _SHOWN:
        listed.append(f"and {len(found.differences) - _SHOWN:,} more")
    return Failed(
        said="not as it was sealed: " + "; ".join(listed),
        hint="`envlock store repair` puts back what was there",
    )


def judge_machine(observed: Observed) -> Iterator[Check]:
    """Yield one check for each need that the lock has of the machine."""
    if observed.fit is None:
        if observed.wants_gpu and observed.gpu_problem:
            yield _need("driver", NotRun(reason=observed.gpu_problem), on_gpu=True)
        return
    seen: dict[str, int] = {}
    for judgement in observed.fit.judgements:
        on_gpu = judgement.subject.startswith(_GPU_SUBJECTS)
        if on_gpu and not observed.wants_gpu:
            outcome: Outcome = NotRun(reason="the CPU was asked for")
        elif on_gpu and observed.gpu_problem:
            outcome = NotRun(reason=observed.gpu_problem)
        else:
            outcome = _outcome(judgement, is_strict=observed.is_strict)
        seen[judgement.subject] = seen.get(judgement.subject, 0) + 1
        repeated = seen[judgement.subject]
        subject = judgement.subject if repeated == 1 else f"{judgement.subject} {repeated}"
        yield _need(subject, outcome, on_gpu=on_gpu and observed.wants_gpu)
    subjects = [judgement.subject for judgement in observed.fit.judgements]
    if observed.wants_gpu and not any(each.startswith(_GPU_SUBJECTS) for each in subjects):
        reason = observed.gpu_problem or "the lock asks for no CUDA, so for no driver"
        yield _need("driver", NotRun(reason=reason), on_gpu=True)


def _need(subject: str, outcome: Outcome, *, on_gpu: bool) -> Check:
    return Check(
        obligation=Obligation.DRIVER, name=f"machine.{subject}", outcome=outcome, on_gpu=on_gpu
    )


def _outcome(judgement: Judgement, *, is_strict: bool) -> Outcome:
    match judgement.coverage:
        case Covered(evidence=evidence):
            return Passed(said=evidence.fact)
        case Missing(evidence=evidence, remedy=remedy):
            return Failed(said=evidence.fact, hint=remedy)
        case Unknown(reason=reason):
            return Failed(said=reason) if is_strict else NotRun(reason=reason)
