"""Pairs the ports with their backends. Nothing else in the house does."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from envlock import __version__
from envlock.backends.files import DiskWorkspace
from envlock.backends.pins import DiskPins, cache_folder
from envlock.errors import Fault, InputFileError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from envlock.backends.rattler_channels import RattlerIndex
    from envlock.backends.recordings import DiskRecordings
    from envlock.model.stack import Recipe, Stack
    from envlock.ports.lock_judge import LockJudge
    from envlock.ports.reporter import Reporter
    from envlock.ports.solver import Solver
    from envlock.workflows.pypi_half import PypiTools
    from envlock.workflows.recipes import RecipeTools
    from envlock.workflows.record import RecordTools
    from envlock.workflows.solve import SolveTools

MADE_BY = f"envlock {__version__}"


def load_stack(path: str) -> Stack:
    """Read a stack file; raises `InputFileError` with all its faults.

    The name must end in `.toml`: the lock's name is made from it.
    """
    from envlock.formats.stack_toml import LARGEST_BYTES, read_stack

    if not path.endswith(".toml"):
        lock = path.endswith((".yml", ".yaml"))
        hint = f"that is a lock: `envlock show {path}` reads it" if lock else "rename the file"
        problem = "expected the name of a stack file, which ends in `.toml`"
        raise InputFileError([Fault(where=path, problem=problem, hint=hint)])
    if not path.isprintable():
        problem = "expected a file name of printable characters"
        raise InputFileError([Fault(where=ascii(path), problem=problem)])
    return read_stack(DiskWorkspace().read_bytes(path, limit_bytes=LARGEST_BYTES), path)


def pins_beside(stack_path: str) -> DiskPins:
    """Return the pins of a stack's folder."""
    folder = Path(stack_path).parent / "pins"
    return DiskPins(folder, cache_folder(os.environ, Path.home))


def recordings_beside(stack_path: str) -> DiskRecordings:
    """Return the recordings of a stack's folder."""
    from envlock.backends.recordings import DiskRecordings

    return DiskRecordings(Path(stack_path).parent / "pins" / "pypi")


def recipe_sources_beside(stack_path: str) -> Callable[[Stack], Mapping[str, str]]:
    """Return who tells what the recipes of a stack are now, by their paths."""

    def sources(stack: Stack) -> Mapping[str, str]:
        from envlock.backends.recipe_folder import recipe_files
        from envlock.store.recipe_address import sources_digest

        folder = Path(stack_path).parent
        return {
            item.path: sources_digest(recipe_files(item, folder), _toolchain_lock(item, folder))
            for item in stack.recipes
        }

    return sources


def _toolchain_lock(recipe: Recipe, folder: Path) -> bytes | None:
    from envlock.model.lock import LOCK_LIMIT_BYTES, lock_path

    if recipe.toolchain is None:
        return None
    path = lock_path(str(folder / recipe.toolchain))
    return DiskWorkspace().read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)


def make_solver() -> Solver:
    """Return the conda solver."""
    from envlock.backends.rattler_solver import RattlerSolver

    return RattlerSolver()


def make_index() -> RattlerIndex:
    """Return the channels."""
    from envlock.backends.rattler_channels import RattlerIndex

    return RattlerIndex(cache_folder(os.environ, Path.home) / "channels")


def make_judge() -> LockJudge:
    """Return conda-lock as the judge of its own format."""
    from envlock.backends.conda_lock import CondaLockJudge

    return CondaLockJudge()


def make_reporter(arguments: argparse.Namespace) -> Reporter:
    """Return who listens: nobody with `--quiet`, else the terminal."""
    from envlock.cli.progress import Silence, Talk

    return Silence() if getattr(arguments, "quiet", False) else Talk()


def make_solve_tools(
    stack_path: str, arguments: argparse.Namespace, *, may_build: bool = True
) -> SolveTools:
    """Return all that a solve acts through; `may_build` lets it build recipes."""
    from envlock.workflows.solve import SolveTools

    return SolveTools(
        solver=make_solver(),
        pins=pins_beside(stack_path),
        workspace=DiskWorkspace(),
        judge=make_judge(),
        reporter=make_reporter(arguments),
        made_by=MADE_BY,
        pypi=lambda: make_pypi_tools(stack_path),
        recipes=lambda: _recipe_tools(stack_path, arguments, may_build=may_build),
    )


def _recipe_tools(
    stack_path: str, arguments: argparse.Namespace, *, may_build: bool
) -> AbstractContextManager[RecipeTools]:
    from envlock.cli.recipe_wiring import recipe_tools

    return recipe_tools(stack_path, arguments, may_build=may_build)


def make_record_tools(stack_path: str, arguments: argparse.Namespace) -> RecordTools:
    """Return all that a recording is made through."""
    from envlock.workflows.record import RecordTools

    return RecordTools(
        solver=make_solver(),
        pins=pins_beside(stack_path),
        pypi=make_pypi_tools(stack_path),
        reporter=make_reporter(arguments),
    )


def make_pypi_tools(stack_path: str) -> PypiTools:
    """Return what the PyPI half of a stack acts through."""
    from envlock.backends.pypi_indexes import LiveIndexes
    from envlock.backends.uv_resolver import UvResolver
    from envlock.workflows.pypi_half import PypiTools

    folder = Path(stack_path).parent
    return PypiTools(
        resolver=UvResolver(),
        indexes=LiveIndexes(
            base=folder, cache=cache_folder(os.environ, Path.home), environment=os.environ
        ),
        recordings=recordings_beside(stack_path),
    )


def utc_now() -> str:
    """Return the time, as pins record it."""
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
