"""The main story: stack -> questions -> answers -> lock, written only when all of it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envlock.errors import Fault, InputFileError, LockError, NoSolutionError, PinError
from envlock.formats.channel import channel_name
from envlock.formats.conda_lock import FACT_PREFIX, format_lock, read_lock, read_seal
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, LockedPackage, lock_path
from envlock.model.package import Package
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.model.stack import Stack
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
    utc_text,
)
from envlock.workflows.conda_half import CondaHalf, open_pin, refuse_bad_specs

if TYPE_CHECKING:
    from envlock.model.recipe import LockedRecipe
    from envlock.workflows.pypi_half import PypiTools
    from envlock.workflows.recipes import RecipeTools


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """What a solve may be told beside the stack."""

    platforms: tuple[Platform, ...] = ()
    """Solve only these; the others stay as they are locked. Empty: all."""
    as_of_ms: int | None = None
    update: tuple[str, ...] | None = None
    """Move only these packages, and what they force. None: solve from nothing."""
    write: bool = True
    strict: bool = False
    """Refuse also where nobody can say whether a GPU finds its code."""


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
    pypi: Callable[[], PypiTools]
    """What the PyPI half acts through; made only when a stack has one."""
    recipes: Callable[[], AbstractContextManager[RecipeTools]]
    """What recipes are built through; made only when a stack has one."""


def solve_stack(stack: Stack, stack_path: str, options: SolveOptions, tools: SolveTools) -> Solved:
    """Solve a stack and write its lock beside it.

    Raises `NoSolutionError` when there is no answer or the answer would not run, `PinError` when
    the pin is missing or damaged, `WorldError` when the lock cannot be written. In every case the
    lock that was there stays as it was.
    """
    path = lock_path(stack_path)
    platforms = _platforms(stack, options)
    digest = assigned_pin(stack, stack_path, tools.pins)
    refuse_bad_specs(stack, platforms, tools.solver)
    before = _read_existing(path, tools.workspace)
    pin = open_pin(stack, digest, platforms, tools.pins)
    old = _read_old(path, before, options)
    _note_thaw(before, options, tools.reporter)
    tools.reporter.step(f"solving {stack.name} for {', '.join(platforms)}")
    half = CondaHalf(
        stack=stack,
        pin=pin,
        solver=tools.solver,
        reporter=tools.reporter,
        as_of_ms=options.as_of_ms,
    )
    solutions = half.solve(platforms, lambda platform: _keep(old, platform, options, half))
    made_by = [tools.made_by, tools.solver.identity]
    recording = None
    if any(stack.takes_pypi_on(platform) for platform in platforms):
        solutions, recording = _add_pypi(half, solutions, stack_path, old, options, tools)
        made_by.append(tools.pypi().resolver.identity)
    check_answers(
        [(item.view, item.answer) for item in solutions],
        _kept(old, platforms, options),
        strict=options.strict,
    )
    _refuse_without_hashes(solutions)
    recipes = _add_recipes(half, solutions, stack_path, options, tools)
    _refuse_scripts_of_nobody(stack, solutions, _kept(old, platforms, options))
    lock = make_lock(
        stack_path.replace("\\", "/").rpartition("/")[2],
        solutions,
        pin.pin,
        recording=recording,
        made_by=", ".join(made_by),
        updated=options.update or (),
        recipes=recipes,
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


def _add_pypi(  # noqa: PLR0913, PLR0917 - the inner step of one story
    half: CondaHalf,
    solutions: Sequence[Solution],
    stack_path: str,
    old: Lock | None,
    options: SolveOptions,
    tools: SolveTools,
) -> tuple[tuple[Solution, ...], str]:
    from envlock.workflows.pypi_half import PypiHalf, replayed  # noqa: PLC0415 - see SolveTools

    pypi = tools.pypi()
    digest, source, as_of = replayed(half.stack, stack_path, pypi)
    moment = as_of if options.as_of_ms is None else min(as_of, utc_text(options.as_of_ms))
    pypi_half = PypiHalf(conda=half, source=source, resolver=pypi.resolver, as_of=moment)
    kept = {
        item.answer.platform: _keep_wheels(old, item.answer.platform, options) for item in solutions
    }
    return pypi_half.add(solutions, kept), digest


def _add_recipes(
    half: CondaHalf,
    solutions: Sequence[Solution],
    stack_path: str,
    options: SolveOptions,
    tools: SolveTools,
) -> tuple[LockedRecipe, ...]:
    if not any(half.stack.recipes_on(item.answer.platform) for item in solutions):
        return ()
    from envlock.workflows.recipes import RecipePart  # noqa: PLC0415 - see SolveTools

    with tools.recipes() as recipe_tools:
        part = RecipePart(
            stack=half.stack,
            stack_path=stack_path,
            tools=recipe_tools,
            reporter=tools.reporter,
            admits=tools.solver.admits,
            is_kept=options.write,
        )
        return part.add(solutions)


def _keep_wheels(
    earlier: Lock | None, platform: Platform, options: SolveOptions
) -> tuple[tuple[str, str], ...]:
    if earlier is None or options.update is None:
        return ()
    return tuple(
        (item.name, item.version)
        for item in earlier.packages_on(platform)
        if item.manager == "pip" and item.name not in options.update
    )


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


def _read_existing(path: str, workspace: Workspace) -> bytes | None:
    if not workspace.exists(path):
        return None
    return workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)


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


def _refuse_scripts_of_nobody(
    stack: Stack, solutions: Sequence[Solution], kept: Sequence[LockedPackage]
) -> None:
    """Refuse to allow the script of a package that no platform has: a name that was mistaken."""
    names = {package.name for solution in solutions for package in solution.answer.packages}
    names |= {package.name for package in kept if package.manager == "conda"}
    lacking = [name for name in stack.link_scripts if name not in names]
    if lacking:
        where = stack.where.get("build.link-scripts")
        raise InputFileError(
            [
                Fault(
                    where=str(where),
                    problem=f"`{name}` may run a script and is not among the conda packages of "
                    f"the answer",
                    hint=f"take `{name}` out, or name the package whose script it is",
                )
                for name in lacking
            ],
            state="No lock was written.",
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
    earlier: Lock | None, platform: Platform, options: SolveOptions, half: CondaHalf
) -> tuple[Package, ...]:
    if earlier is None or options.update is None:
        return ()
    urls = {
        package.url: package.name
        for package in earlier.packages_on(platform)
        if package.name not in options.update
    }
    return half.solver.find(half.pin, platform, urls)


def _write(solved: Solved, tools: SolveTools) -> None:
    tools.reporter.step(f"checking {solved.path} with conda-lock's models")
    fault = tools.judge.fault(solved.content)
    if fault:
        raise LockError(
            f"{solved.path}: conda-lock refuses this lock: {fault}\nNo lock was written."
        )
    tools.workspace.write_bytes(solved.path, solved.content)
