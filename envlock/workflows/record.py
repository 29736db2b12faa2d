"""The story of a recording: ask the package index once for all that a stack's PyPI half can reach.

The stack is solved, both halves, over the live index; what was asked on the way is the recording.
Every later solve asks the same and is answered from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envlock.errors import Fault, InputFileError
from envlock.model.stack import Stack
from envlock.model.version import parse_dotted
from envlock.ports.pins import Pins
from envlock.ports.reporter import Reporter
from envlock.ports.solver import Solver
from envlock.solve.locking import Solution
from envlock.solve.pypi_feedback import MINORS_DOWN
from envlock.solve.pypi_question import index_sources, python_of
from envlock.workflows.conda_half import CondaHalf, open_pin, refuse_bad_specs
from envlock.workflows.pypi_half import PypiHalf, PypiTools
from envlock.workflows.solve import assigned_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTools:
    """The ports that a recording is made through."""

    solver: Solver
    pins: Pins
    pypi: PypiTools
    reporter: Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recording that a stack solves from now."""

    stack: str
    digest: str
    before: str | None
    """The digest of the recording before, None when there was none."""
    as_of: str
    size_bytes: int
    distributions: Mapping[str, int]
    """How many distributions came out, by platform."""


def record_stack(
    stack: Stack, stack_path: str, as_of: str, mirrors: Mapping[str, str], tools: RecordTools
) -> Recorded:
    """Record what a stack's PyPI half asks, keep it, and let the stack solve from it.

    Raises what a solve raises, and `WorldError` when an index does not answer. Then the stack stays
    with the recording that it had.
    """
    platforms = tuple(item for item in stack.platforms if stack.takes_pypi_on(item))
    if not platforms:
        where = str(stack.python.where.file)
        problem = f"`{stack.name}` takes nothing from PyPI, so there is nothing to record"
        raise InputFileError([Fault(where=where, problem=problem)], state="Nothing was recorded.")
    refuse_bad_specs(stack, platforms, tools.solver)
    digest = assigned_pin(stack, stack_path, tools.pins)
    tools.reporter.step(f"solving the conda half of {stack.name}")
    pin = open_pin(stack, digest, platforms, tools.pins)
    half = CondaHalf(stack=stack, pin=pin, solver=tools.solver, reporter=tools.reporter)
    solutions = half.solve(platforms, lambda _: ())
    indexes, resolver = tools.pypi.indexes, tools.pypi.resolver
    minors = _minors(stack, solutions, tools.solver)
    recorder = indexes.live(index_sources(stack, mirrors), as_of, stack.sdists, minors)
    pypi_half = PypiHalf(conda=half, source=recorder, resolver=resolver, as_of=as_of)
    solutions = pypi_half.add(solutions)
    content = recorder.recording(resolver.identity, as_of)
    before = tools.pypi.recordings.assigned(stack.name)
    kept = tools.pypi.recordings.keep(content)
    tools.pypi.recordings.assign([stack.name], kept)
    return Recorded(
        stack=stack.name,
        digest=kept,
        before=before,
        as_of=as_of,
        size_bytes=len(content),
        distributions={
            item.answer.platform.value: len(item.answer.distributions) for item in solutions
        },
    )


def _minors(stack: Stack, solutions: Sequence[Solution], solver: Solver) -> tuple[str, ...]:
    """Return the minors of Python that can be asked for: conda's, and what may replace it."""
    chosen = {parse_dotted(python_of(item.answer))[:2] for item in solutions}
    candidates = {
        f"{major}.{minor - down}" for major, minor in chosen for down in range(MINORS_DOWN + 1)
    }
    current = {f"{major}.{minor}" for major, minor in chosen}
    return tuple(
        sorted(
            minor
            for minor in candidates
            if minor in current or solver.admits(stack.python.version, f"{minor}.0")
        )
    )
