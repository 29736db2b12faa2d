"""The conda half of a solve: stack and open pin -> one solution for each platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from envlock.errors import Fault, InputFileError, NoSolutionError, PinError
from envlock.formats.channel import channel_name, channel_url
from envlock.model.package import Package, Variant
from envlock.model.pin import OpenPin
from envlock.model.platform import Platform
from envlock.model.question import Answer, Ask, Conflict, Question
from envlock.model.stack import FrameworkSource, Stack
from envlock.ports.pins import Pins
from envlock.ports.reporter import Reporter
from envlock.ports.solver import Solver
from envlock.solve.locking import Solution
from envlock.solve.question import frame_question
from envlock.solve.view import View, builds_to_consult, needs_pin

Keep = Callable[[Platform], tuple[Package, ...]]
"""Gives the builds of an earlier answer that are preferred on a platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaHalf:
    """A stack over an open pin, ready to be solved."""

    stack: Stack
    pin: OpenPin
    solver: Solver
    reporter: Reporter
    as_of_ms: int | None = None

    def solve(self, platforms: Sequence[Platform], keep: Keep) -> tuple[Solution, ...]:
        """Solve every platform; the next question is made while the solver is at the last one.

        Raises `NoSolutionError` that says why where there is no answer.
        """
        asked: list[tuple[View, Question]] = []

        def frame() -> Iterator[Question]:
            for platform in platforms:
                view = self._view(platform)
                question = frame_question(view, as_of_ms=self.as_of_ms, keep=keep(platform))
                asked.append((view, question))
                yield question

        results = self.solver.solve(self.pin, frame())
        return tuple(
            Solution(view=view, question=question, answer=self._answer(view, question, result))
            for (view, question), result in zip(asked, results, strict=True)
        )

    def solve_again(self, solution: Solution, added: Sequence[Ask]) -> Solution:
        """Solve a platform once more with constraints added. Raises as `solve` does."""
        asks = tuple(sorted((*solution.question.constraints, *added), key=_by_spec))
        question = structs.replace(solution.question, constraints=asks)
        (result,) = self.solver.solve(self.pin, [question])
        answer = self._answer(solution.view, question, result)
        return replace(solution, question=question, answer=answer)

    def _view(self, platform: Platform) -> View:
        wanted: Mapping[str, str] = {}
        if needs_pin(self.stack, platform):
            names = self.solver.names(self.pin, platform)
            wanted = builds_to_consult(self.stack, platform, names)
        return View(
            stack=self.stack,
            platform=platform,
            origin=self.pin.pin.origin,
            digest=self.pin.digest,
            asked=self.pin.pin.asked,
            records=self.solver.candidates(self.pin, platform, wanted),
            admits=self.solver.admits,
        )

    def _answer(self, view: View, question: Question, result: Answer | Conflict) -> Answer:
        if isinstance(result, Answer):
            return result
        from envlock.solve.explain import explain  # noqa: PLC0415 - most solves need none

        self.reporter.step("no answer; looking for the cause")
        error = explain(view, question, _PinOracle(self.pin, view.platform, self.solver))
        error.detail = result.solver_message
        raise error


def _by_spec(ask: Ask) -> tuple[str, str]:
    return ask.name, ask.spec


def open_pin(stack: Stack, digest: str, platforms: Sequence[Platform], pins: Pins) -> OpenPin:
    """Open what a stack's pin holds for some platforms.

    Raises `PinError` when it is missing, damaged or was never asked for a platform, and
    `NoSolutionError` when no channel has anything for one.
    """
    subdirs = dict.fromkeys(subdir for platform in platforms for subdir in platform.subdirs)
    pin = pins.open(digest, tuple(subdirs))
    asked = {(part.channel, part.subdir) for part in pin.pin.parts}
    for platform in platforms:
        missing = [
            channel_name(channel)
            for channel in map(channel_url, stack.channels)
            if (channel, platform.value) not in asked
        ]
        if missing:
            raise PinError(
                f"the index pin {digest[:12]}… of {stack.name} was never asked for {platform} "
                f"of {', '.join(missing)}\nNo lock was written.",
                hints=[f"widen it: `envlock index pin --extend {stack.python.where.file}`"],
            )
        records = [part.records for part in pin.pin.parts if part.subdir == platform.value]
        if not any(records):
            raise NoSolutionError(
                f"no channel of {stack.name} holds a package for {platform} "
                f"(pin {digest[:12]}…, {pin.pin.origin})\nNo lock was written.",
                hints=[f"take {platform} out of `stack.platforms`, or add a channel that has it"],
            )
    return pin


def refuse_bad_specs(stack: Stack, platforms: Sequence[Platform], solver: Solver) -> None:
    """Raise `InputFileError` with every spec that the solver cannot read."""
    dependencies = dict.fromkeys(
        item for platform in platforms for item in (stack.python, *stack.dependencies_on(platform))
    )
    faults = [
        Fault(where=str(item.where), problem=f"`{item.spec}` is not a conda spec: {fault}")
        for item in dependencies
        if (fault := solver.spec_fault(item.spec))
    ]
    faults += [
        Fault(where=str(item.where), problem=f"`{item.version}` is not a version range: {fault}")
        for item in dict.fromkeys(f for p in platforms for f in stack.frameworks_on(p))
        if item.source is FrameworkSource.CONDA
        and (fault := solver.spec_fault(f"{item.name} {item.version}"))
    ]
    if stack.gpu and stack.gpu.cudnn and (fault := solver.spec_fault(f"cudnn {stack.gpu.cudnn}")):
        where = str(stack.gpu.where["cudnn"])
        problem = f"`{stack.gpu.cudnn}` is not a version range: {fault}"
        faults.append(Fault(where=where, problem=problem))
    if faults:
        raise InputFileError(faults, state="No lock was written.")


class _PinOracle:
    """Implements `solve.oracle.Oracle` over a solver and one platform of a pin."""

    def __init__(self, pin: OpenPin, platform: Platform, solver: Solver) -> None:
        self._pin = pin
        self._platform = platform
        self._solver = solver
        self._matching: dict[str, tuple[Package, ...]] = {}

    def conflicts(self, question: Question) -> bool:
        (result,) = self._solver.solve(self._pin, [question])
        return isinstance(result, Conflict)

    def names(self) -> frozenset[str]:
        return self._solver.names(self._pin, self._platform)

    def matching(self, spec: str) -> tuple[Package, ...]:
        if spec not in self._matching:
            self._matching[spec] = self._solver.matching(self._pin, self._platform, spec)
        return self._matching[spec]

    def builds(self, name: str) -> tuple[Variant, ...]:
        return self._solver.candidates(self._pin, self._platform, {name: "*"})[name]
