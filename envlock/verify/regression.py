"""Is a training as good as another one was? What a bisection asks of two environments.

The reference is what the good environment did. Loss is held against the way that it came there: a
tenth of that way lost is worse, by default; so the answer does not hang on how near to zero it is.
Accuracy is held in points, speed in shares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from envlock.model.bisect import Grade, Graded, Measure
from envlock.model.outcome import Failed
from envlock.model.probe import BrokeLine, Ending, ProbeRun, TrainingLine
from envlock.verify.sense import sift
from envlock.verify.training import find_fallback, judge_training

TOLERANCES = {Measure.LOSS: 0.1, Measure.ACCURACY: 0.05, Measure.SPEED: 0.2}
"""The share of the way that the loss came; points of accuracy; the share of examples a second.

Networks, seeds and data are the same, so other versions of a framework differ by rounding and by
the order of random numbers only; a machine that others use, too, is seldom steadier than a fifth.
"""


def grade_reference(runs: Iterable[ProbeRun]) -> Graded:
    """Grade the good environment: it has to learn. Its numbers are what others are held against."""
    numbers: dict[str, float] = {}
    told = []
    for run in runs:
        problem = _broken(run) or next(_not_learnt(run), None)
        if problem:
            return Graded(grade=Grade.BAD, said=f"{run.request.framework}: {problem}")
        numbers.update(_numbers(run))
        told.append(run.request.framework)
    if not numbers:
        said = "it has no framework that envlock can train"
        return Graded(grade=Grade.BAD, said=said)
    return Graded(grade=Grade.GOOD, said=f"{', '.join(told)} trained", numbers=numbers)


def grade_against(
    runs: Iterable[ProbeRun], reference: Mapping[str, float], measure: Measure, tolerance: float
) -> Graded:
    """Grade an environment by what the good one did."""
    numbers: dict[str, float] = {}
    for run in runs:
        problem = _broken(run)
        if problem:
            return Graded(grade=Grade.BAD, said=f"{run.request.framework}: {problem}")
        numbers.update(_numbers(run))
    told = []
    for key in sorted(key for key in reference if key.endswith(f".{measure}")):
        compared = _compare(key, numbers, reference, measure, tolerance)
        if compared.grade is Grade.BAD:
            return Graded(grade=Grade.BAD, said=compared.said, numbers=numbers)
        told.append(compared.said)
    return Graded(grade=Grade.GOOD, said="; ".join(told), numbers=numbers)


def frameworks_in(reference: Mapping[str, float]) -> tuple[str, ...]:
    """Return the frameworks that the good environment trained, ordered."""
    return tuple(sorted({key.partition(".")[0] for key in reference}))


def _trainings(run: ProbeRun) -> Iterator[TrainingLine]:
    for line in run.lines:
        if isinstance(line, TrainingLine) and not line.control and line.run == 1:
            yield line


def _broken(run: ProbeRun) -> str | None:
    """Return what kept a probe from training all that it should."""
    if run.ending is not Ending.WHOLE:
        return f"the probe was cut short: {_first_line(run.said)}"
    _, nonsense = sift(run)
    if nonsense:
        return nonsense[0]
    for line in run.lines:
        if isinstance(line, BrokeLine) and line.check.startswith(("import", "training")):
            return f"{line.check} raised {_first_line(line.error)}"
    for line in _trainings(run):
        fallback = find_fallback(line, run)
        if fallback is not None:
            return f"{line.model}: {fallback.said}"
    return None if any(_trainings(run)) else "it trained nothing"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _not_learnt(run: ProbeRun) -> Iterator[str]:
    for line in _trainings(run):
        outcome, _, _ = judge_training(line, run)
        if isinstance(outcome, Failed):
            yield f"{line.model}: {outcome.said}"


def _numbers(run: ProbeRun) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in _trainings(run):
        stem = f"{run.request.framework}.{line.model}"
        values = {
            "first-loss": line.losses[0],
            Measure.LOSS.value: line.losses[-1],
            Measure.ACCURACY.value: line.accuracies[-1],
            Measure.SPEED.value: line.examples_per_second,
        }
        # JSON has no infinity and no NaN: what is not finite is not there, and so it is worse.
        found.update({f"{stem}.{key}": each for key, each in values.items() if math.isfinite(each)})
    return found


def _compare(
    key: str,
    numbers: Mapping[str, float],
    reference: Mapping[str, float],
    measure: Measure,
    tolerance: float,
) -> Graded:
    expected, found = reference[key], numbers.get(key)
    stem = key.removesuffix(f".{measure}")
    if found is None:
        return Graded(grade=Grade.BAD, said=f"{stem}: no {measure} that is a number")
    limit = _limit(expected, reference.get(f"{stem}.first-loss", expected), measure, tolerance)
    is_loss = measure is Measure.LOSS
    is_worse = found > limit if is_loss else found < limit
    said = (
        f"{stem}: {measure} {found:.4g}, good has {expected:.4g} "
        f"({'at most' if is_loss else 'at least'} {limit:.4g})"
    )
    return Graded(grade=Grade.BAD if is_worse else Grade.GOOD, said=said)


def _limit(expected: float, first_loss: float, measure: Measure, tolerance: float) -> float:
    """Return what an environment may come to and still be good."""
    match measure:
        case Measure.LOSS:
            return expected + tolerance * max(0.0, first_loss - expected)
        case Measure.ACCURACY:
            return expected - tolerance
        case Measure.SPEED:
            return expected * (1 - tolerance)
