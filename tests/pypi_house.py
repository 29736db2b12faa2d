"""A folder with one stack, its pin and an index in memory; the solvers are the real ones."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from envlock.backends.conda_lock import CondaLockJudge
from envlock.backends.files import DiskWorkspace
from envlock.backends.pins import DiskPins
from envlock.backends.rattler_solver import RattlerSolver
from envlock.backends.recordings import DiskRecordings
from envlock.backends.uv_resolver import UvResolver
from envlock.cli.wiring import load_stack
from envlock.workflows.pypi_half import PypiTools
from envlock.workflows.recipes import RecipeTools
from envlock.workflows.record import Recorded, RecordTools, record_stack
from envlock.workflows.solve import Solved, SolveOptions, SolveTools, solve_stack
from fakes import FakeReporter
from tiny import Channels, make_stack
from wheelhouse import Wheelhouse, WheelhouseIndexes

NOW = "2026-01-01T00:00:00Z"


def no_recipes() -> AbstractContextManager[RecipeTools]:
    raise AssertionError("the stack has no recipe")


class House:
    """A folder with one stack, its pin, and an index."""

    def __init__(self, folder: Path, text: str, channels: Channels) -> None:
        self.wheels = Wheelhouse()
        self.path = str(make_stack(folder, text, channels))
        self.reporter = FakeReporter()
        self._folder = folder

    @property
    def pypi(self) -> PypiTools:
        return PypiTools(
            resolver=UvResolver(),
            indexes=WheelhouseIndexes(self.wheels),  # type: ignore[arg-type]
            recordings=DiskRecordings(self._folder / "pins" / "pypi"),
        )

    @property
    def pins(self) -> DiskPins:
        return DiskPins(self._folder / "pins", self._folder / "cache")

    def record(self) -> Recorded:
        tools = RecordTools(
            solver=RattlerSolver(), pins=self.pins, pypi=self.pypi, reporter=self.reporter
        )
        return record_stack(load_stack(self.path), self.path, NOW, {}, tools)

    @property
    def tools(self) -> SolveTools:
        return SolveTools(
            solver=RattlerSolver(),
            pins=self.pins,
            workspace=DiskWorkspace(),
            judge=CondaLockJudge(),
            reporter=self.reporter,
            made_by="envlock test",
            pypi=lambda: self.pypi,
            recipes=no_recipes,
        )

    def solve(self, **options: object) -> Solved:
        settings = SolveOptions(**options)  # type: ignore[arg-type]
        return solve_stack(load_stack(self.path), self.path, settings, self.tools)

    def locked(self) -> dict[tuple[str, str], str]:
        self.record()
        lock = self.solve().lock
        return {(item.manager, item.name): item.version for item in lock.packages}
