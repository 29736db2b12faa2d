"""From all that was observed to the checks, in the order of their obligations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envlock.model.outcome import Check, Failed, NotRun, Obligation, Outcome, Passed
from envlock.model.probe import (
    BrokeLine,
    CollectiveLine,
    CompilerLine,
    Control,
    Ending,
    FinishedLine,
    GradientLine,
    NumbersLine,
    ProbeRun,
    SpeedLine,
    TrainingLine,
)
from envlock.model.receipt import NO_FRAMEWORK
from envlock.model.verifying import Observed
from envlock.verify.framework import judge_framework
from envlock.verify.libraries import judge_libraries
from envlock.verify.machine import judge_bytes, judge_machine
from envlock.verify.numbers import (
    Measured,
    judge_collective,
    judge_compiler,
    judge_gradient,
    judge_numbers,
)
from envlock.verify.plan import Planned, planned_checks
from envlock.verify.sense import sift
from envlock.verify.speed import judge_speed
from envlock.verify.training import judge_device, judge_repeat, judge_shuffled, judge_training

_ORDER = {obligation: place for place, obligation in enumerate(Obligation)}


def judge(observed: Observed) -> tuple[Check, ...]:
    """Return every check with its outcome. Never raises."""
    checks = [judge_bytes(observed), *judge_machine(observed)]
    for run in observed.runs:
        checks += _judge_run(observed, run)
    if not observed.frameworks:
        reason = "the environment has no framework that there are checks for"
        checks.append(
            Check(
                obligation=Obligation.FRAMEWORK,
                name=NO_FRAMEWORK,
                outcome=NotRun(reason=reason),
                on_gpu=observed.wants_gpu,
            )
        )
    return tuple(sorted(checks, key=lambda check: _ORDER[check.obligation]))


def _judge_run(observed: Observed, run: ProbeRun) -> Iterator[Check]:
    name = run.request.framework
    run, nonsense = sift(run)
    yield from judge_framework(observed, run)
    yield _whole(name, run, nonsense)
    yield from judge_libraries(observed, run)
    answers = _Answers(observed, run, has_nonsense=bool(nonsense))
    planned = tuple(
        planned_checks(observed.level, observed.controls, is_compiled=observed.is_compiled)
    )
    for each in planned:
        if observed.wants_gpu and observed.gpu_problem:
            yield _not_run(name, each, observed.gpu_problem)
        if not each.is_gpu_only or run.request.device == "gpu":
            yield answers.check(each)


def _whole(name: str, run: ProbeRun, nonsense: Sequence[str]) -> Check:
    seconds = next((each.seconds for each in run.lines if isinstance(each, FinishedLine)), {})
    outcome: Outcome
    if run.ending is Ending.WHOLE and nonsense:
        outcome = Failed(said=nonsense[0])
    elif run.ending is Ending.WHOLE:
        outcome = Passed(said="it came to its end")
    else:
        outcome = Failed(said=f"the probe was cut short: {run.said}", hint=_HINTS[run.ending])
    return Check(
        obligation=Obligation.FRAMEWORK,
        name=f"{name}.process",
        outcome=outcome,
        varying={
            "seconds": run.seconds,
            **{f"{check}_seconds": value for check, value in seconds.items()},
        },
    )


_HINTS = {
    Ending.WHOLE: "",
    Ending.TIMED_OUT: "give it longer with `--timeout SECONDS`, or look at `--level smoke` first",
    Ending.OUT_OF_MEMORY: "free memory, or verify on a larger machine",
    Ending.CRASHED: "a library that the driver or the processor does not fit crashes so; "
    "`envlock doctor` looks at the machine",
    Ending.GARBLED: "something else writes on the probe's stdout: a `sitecustomize` or a `.pth`",
}


def _not_run(framework: str, planned: Planned, reason: str) -> Check:
    return Check(
        obligation=planned.obligation,
        name=f"{framework}.gpu.{planned.what}",
        outcome=NotRun(reason=reason),
        on_gpu=True,
    )


class _Answers:
    """What one probe answered, by the checks that were planned."""

    def __init__(self, observed: Observed, run: ProbeRun, *, has_nonsense: bool) -> None:
        self._observed = observed
        self._run = run
        self._has_nonsense = has_nonsense
        self._device = run.request.device
        self._broke = {each.check: each.error for each in run.lines if isinstance(each, BrokeLine)}
        self._found: dict[str, Measured] = {}
        for what, measured in self._measured():
            self._found[what] = _worst(self._found.get(what, measured), measured)

    def check(self, planned: Planned) -> Check:
        """Return a planned check with what came of it."""
        outcome, numbers, varying = self._answer(planned.what)
        return Check(
            obligation=planned.obligation,
            name=f"{self._run.request.framework}.{self._device}.{planned.what}",
            outcome=outcome,
            on_gpu=self._device == "gpu",
            numbers=numbers,
            varying=varying,
        )

    def _answer(self, what: str) -> Measured:
        """Return what a check came to; one that raised has failed, whatever else was said of it."""
        broke = self._broke.get(what)
        if broke is not None:
            return Failed(said=f"it raised {broke}"), {}, {}
        return self._found.get(what) or self._missing()

    def _missing(self) -> Measured:
        """Return why there is no answer."""
        if "import" in self._broke:
            return NotRun(reason="the framework could not be imported"), {}, {}
        if self._has_nonsense:
            return NotRun(reason="the probe said what makes no sense"), {}, {}
        if self._run.ending is Ending.WHOLE:
            return NotRun(reason="the probe has no such check for this framework"), {}, {}
        return NotRun(reason="the probe was cut short before it"), {}, {}

    def _measured(self) -> Iterator[tuple[str, Measured]]:
        first: dict[str, TrainingLine] = {}
        for line in self._run.lines:
            match line:
                case NumbersLine():
                    yield (
                        f"numbers.{line.operation}.{line.precision}",
                        judge_numbers(line, self._device),
                    )
                case GradientLine():
                    what = f"control.{line.control}" if line.control else "gradients"
                    yield what, judge_gradient(line, self._device)
                case TrainingLine(control=Control.SHUFFLED_LABELS):
                    yield f"control.{line.control}", judge_shuffled(line, self._run)
                case TrainingLine(run=1):
                    first[line.model] = line
                    yield f"training.{line.model}", judge_training(line, self._run)
                    yield "device", judge_device(line, self._run)
                case TrainingLine() if line.model in first:
                    repeated = judge_repeat(first[line.model], line, self._run)
                    yield f"repeat.{line.model}", repeated
                case SpeedLine():
                    strict = self._observed.is_strict
                    yield f"speed.{line.measure}", judge_speed(line, is_strict=strict)
                case CollectiveLine():
                    yield "collectives", judge_collective(line)
                case CompilerLine():
                    yield "compiler", judge_compiler(line, self._device)
                case _:
                    pass


def _worst(one: Measured, other: Measured) -> Measured:
    """Return the one that says less good: a check that is said twice does not get better by it."""
    return max(one, other, key=lambda measured: _BADNESS[type(measured[0])])


_BADNESS: dict[type, int] = {Passed: 0, NotRun: 1, Failed: 2}
