"""The main story: stack -> questions -> answers -> lock, written only when all of it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envlock.errors import Fault, InputFileError, LockError, NoSolutionError, PinError
from envlock.formats.channel import channel_name, channel_url
from envlock.formats.conda_lock import FACT_PREFIX, format_lock, read_lock, read_seal
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, LockedPackage, lock_path
from envlock.model.package import Package, Variant
from envlock.model.pin import OpenPin
from envlock.model.platform import Platform
from envlock.model.question import Answer, Conflict, Question
from envlock.model.stack import FrameworkSource, Stack
from envlock.ports.lock_judge import LockJudge
from envlock.ports.pins import Pins
from envlock.ports.reporter import Reporter
from envlock.ports.solver import Solver
from envlock.ports.workspace import Workspace
from envlock.solve.coherence import check_answers
from envlock.solve.locking import (
    AS_OF,
    Solution,
    has_same_answer,
    has_same_origin,
    keep_platforms,
    make_lock,
)
from envlock.solve.question import frame_question
from envlock.solve.view import View, builds_to_consult, needs_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """What a solve may be told beside the stack."""

    platforms: tuple[Platform, ...] = ()
    """Solve only these; the others stay as they are locked. Empty: all."""
    as_of_ms: int | None = None
    update: tuple[str, ...] | None = None
    """Move only these packages, and what they force. None: solve from nothing."""
    write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A finished solve."""

    lock: Lock
    content: bytes
    path: str
    before: bytes | None
    """The lock's bytes before the solve, None when there was none."""
    answers: tuple[Answer, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the lock's bytes are new."""
        return self.content != self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveTools:
    """The ports that a solve acts through."""

    solver: Solver
    pins: Pins
    workspace: Workspace
    judge: LockJudge
    reporter: Reporter
    made_by: str
    """envlock's own name and version, for the lock's head."""


def solve_stack(stack: Stack, stack_path: str, options: SolveOptions, tools: SolveTools) -> Solved:
    """Solve a stack and write its lock beside it.

    Raises `NoSolutionError` when there is no answer or the answer would not run, `PinError` when
    the pin is missing or damaged, `WorldError` when the lock cannot be written. In every case the
    lock that was there stays as it was.
    """
    _refuse_pypi(stack)
    path = lock_path(stack_path)
    platforms = _platforms(stack, options)
    digest = assigned_pin(stack, stack_path, tools.pins)
    _refuse_bad_specs(stack, platforms, tools.solver)
    before = _read_existing(path, tools.workspace)
    pin = _open(stack, digest, platforms, tools)
    old = _read_old(path, before, options)
    _note_thaw(before, options, tools.reporter)
    tools.reporter.step(f"solving {stack.name} for {', '.join(platforms)}")
    solutions = _solve(stack, pin, platforms, old, options, tools)
    check_answers([(item.view, item.answer) for item in solutions], _kept(old, platforms, options))
    _refuse_without_hashes(solutions)
    lock = make_lock(
        stack_path.replace("\\", "/").rpartition("/")[2],
        solutions,
        pin.pin,
        made_by=f"{tools.made_by}, {tools.solver.identity}",
        updated=options.update or (),
    )
    if old and options.platforms:
        lock = _keep_others(lock, old, path, stack_path)
    content = format_lock(lock)
    if old and before and options.update and has_same_answer(lock, old):
        tools.reporter.note(f"{', '.join(options.update)}: nothing newer fits")
        content = before
    answers = tuple(solution.answer for solution in solutions)
    solved = Solved(lock=lock, content=content, path=path, before=before, answers=answers)
    if solved.changed and options.write:
        _write(solved, tools)
    return solved


def assigned_pin(stack: Stack, stack_path: str, pins: Pins) -> str:
    """Return the digest of the stack's pin; raises `PinError` when it has none."""
    digest = pins.assigned(stack.name)
    if digest is None:
        raise PinError(
            f"{stack_path}: stack `{stack.name}` has no index pin to solve from",
            hints=[f"ask the channels once: `envlock index pin {stack_path}`"],
        )
    return digest


def _refuse_pypi(stack: Stack) -> None:
    found = dict.fromkeys(
        (item.name, item.where)
        for platform in stack.platforms
        for item in stack.frameworks_on(platform)
        if item.source is FrameworkSource.PYPI
    )
    for listed in (stack.pypi_dependencies, *(t.pypi_dependencies for t in stack.targets.values())):
        found.update(dict.fromkeys((item.name, item.where) for item in listed))
    faults = [
        Fault(
            where=str(where),
            problem=f"`{name}` comes from PyPI, and this version solves conda packages only",
            hint="take it from a conda channel, or lock it with uv beside this lock",
        )
        for name, where in found
    ]
    if faults:
        raise InputFileError(faults, state="No lock was written.")


def _platforms(stack: Stack, options: SolveOptions) -> tuple[Platform, ...]:
    foreign = [platform for platform in options.platforms if platform not in stack.platforms]
    if foreign:
        where = stack.where.get("stack.platforms")
        raise InputFileError(
            [
                Fault(
                    where=str(where),
                    problem=f"{', '.join(foreign)} is not a platform of {stack.name}: "
                    f"it has {', '.join(stack.platforms)}",
                )
            ],
            state="No lock was written.",
        )
    return tuple(p for p in stack.platforms if not options.platforms or p in options.platforms)


def _refuse_bad_specs(stack: Stack, platforms: Sequence[Platform], solver: Solver) -> None:
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
        if (fault := solver.spec_fault(f"{item.name} {item.version}"))
    ]
    if stack.gpu and stack.gpu.cudnn and (fault := solver.spec_fault(f"cudnn {stack.gpu.cudnn}")):
        where = str(stack.gpu.where["cudnn"])
        problem = f"`{stack.gpu.cudnn}` is not a version range: {fault}"
        faults.append(Fault(where=where, problem=problem))
    if faults:
        raise InputFileError(faults, state="No lock was written.")


def _read_existing(path: str, workspace: Workspace) -> bytes | None:
    if not workspace.exists(path):
        return None
    return workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)


def _open(stack: Stack, digest: str, platforms: Sequence[Platform], tools: SolveTools) -> OpenPin:
    subdirs = dict.fromkeys(subdir for platform in platforms for subdir in platform.subdirs)
    pin = tools.pins.open(digest, tuple(subdirs))
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


def _solve(  # noqa: PLR0913, PLR0917 - the inner step of one story
    stack: Stack,
    pin: OpenPin,
    platforms: Sequence[Platform],
    earlier: Lock | None,
    options: SolveOptions,
    tools: SolveTools,
) -> tuple[Solution, ...]:
    """Solve every platform; the next question is made while the solver is at the last one."""
    asked: list[tuple[View, Question]] = []

    def frame() -> Iterator[Question]:
        for platform in platforms:
            view = _view(stack, platform, pin, tools.solver)
            keep = _keep(earlier, platform, options, pin, tools.solver)
            asked.append((view, frame_question(view, as_of_ms=options.as_of_ms, keep=keep)))
            yield asked[-1][1]

    results = tools.solver.solve(pin, frame())
    return tuple(
        Solution(view=view, question=question, answer=_answer(view, question, result, pin, tools))
        for (view, question), result in zip(asked, results, strict=True)
    )


def _answer(
    view: View, question: Question, result: Answer | Conflict, pin: OpenPin, tools: SolveTools
) -> Answer:
    if isinstance(result, Answer):
        return result
    from envlock.solve.explain import explain  # noqa: PLC0415 - most solves need no explanation

    tools.reporter.step("no answer; looking for the cause")
    error = explain(view, question, _PinOracle(pin, view.platform, tools.solver))
    error.detail = result.solver_message
    raise error


def _view(stack: Stack, platform: Platform, pin: OpenPin, solver: Solver) -> View:
    wanted: Mapping[str, str] = {}
    if needs_pin(stack, platform):
        wanted = builds_to_consult(stack, platform, solver.names(pin, platform))
    return View(
        stack=stack,
        platform=platform,
        origin=pin.pin.origin,
        digest=pin.digest,
        asked=pin.pin.asked,
        records=solver.candidates(pin, platform, wanted),
        admits=solver.admits,
    )


def _read_old(path: str, before: bytes | None, options: SolveOptions) -> Lock | None:
    """Return the lock that was there, where part of it is kept; a whole solve never looks."""
    if options.update is None and not options.platforms:
        return None
    if before is None and options.update is None:
        return None
    if before is None:
        raise LockError(
            f"{path}: there is no lock to update",
            hints=["solve it first, without `--update`"],
        )
    _refuse_edited(path, before)
    lock = read_lock(before, path)
    names = {package.name for package in lock.packages}
    unknown = [name for name in options.update or () if name not in names]
    if unknown:
        raise LockError(
            f"{path}: does not lock {', '.join(f'`{name}`' for name in unknown)}; "
            "nothing was updated",
            hints=["`envlock show` lists what is locked"],
        )
    return lock


def _refuse_edited(path: str, content: bytes) -> None:
    """Refuse to carry packages over from a lock that is not what its digests say."""
    seal = read_seal(content)
    if seal is None or not (seal.head_is_whole and seal.body_is_whole):
        raise LockError(
            f"{path}: the lock is not what its own digests say, so nothing of it is kept\n"
            "No lock was written.",
            hints=["solve it whole, without `--platform` and `--update`"],
        )


def _note_thaw(before: bytes | None, options: SolveOptions, reporter: Reporter) -> None:
    """Tell when a lock that was frozen at a date is about to see all builds again."""
    seal = read_seal(before) if before else None
    frozen = seal.facts.get(FACT_PREFIX + AS_OF) if seal else None
    if frozen and options.as_of_ms is None:
        reporter.note(
            f"the lock that was there saw builds up to {frozen} only; this one sees all "
            f"(`--as-of {frozen}` freezes it again)"
        )


def _kept(
    old: Lock | None, solved: Sequence[Platform], options: SolveOptions
) -> tuple[LockedPackage, ...]:
    if old is None or not options.platforms:
        return ()
    return tuple(package for package in old.packages if package.platform not in solved)


def _refuse_without_hashes(solutions: Sequence[Solution]) -> None:
    lines = [
        f"  {package} of {channel_name(package.channel)} on {solution.answer.platform}"
        for solution in solutions
        for package in solution.answer.packages
        if not (package.sha256 and package.md5)
    ]
    if lines:
        raise NoSolutionError(
            "the channel gives no sha256 or no md5 for these packages, and a lock needs both\n"
            + "\n".join(lines)
            + "\nNo lock was written.",
            hints=["choose another version, or ask the channel to publish the digests"],
        )


def _keep_others(lock: Lock, old: Lock, path: str, stack_path: str) -> Lock:
    kept = [platform for platform in old.head.platforms if platform not in lock.head.platforms]
    if kept and not has_same_origin(lock, old):
        raise LockError(
            f"{path}: holds {', '.join(kept)} of another stack or pin than there is now; solving "
            f"{', '.join(lock.head.platforms)} alone would drop that\nNo lock was written.",
            hints=[f"solve all platforms: `envlock solve {stack_path}`"],
        )
    return keep_platforms(lock, old, kept)


def _keep(
    earlier: Lock | None,
    platform: Platform,
    options: SolveOptions,
    pin: OpenPin,
    solver: Solver,
) -> tuple[Package, ...]:
    if earlier is None or options.update is None:
        return ()
    moved = set(options.update)
    urls = {
        package.url: package.name
        for package in earlier.packages_on(platform)
        if package.name not in moved
    }
    return solver.find(pin, platform, urls)


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


def _write(solved: Solved, tools: SolveTools) -> None:
    tools.reporter.step(f"checking {solved.path} with conda-lock's models")
    fault = tools.judge.fault(solved.content)
    if fault:
        raise LockError(
            f"{solved.path}: conda-lock refuses this lock: {fault}\nNo lock was written."
        )
    tools.workspace.write_bytes(solved.path, solved.content)
