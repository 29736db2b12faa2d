"""The ways between the locks that ship: everything in between fits, by the lock and by its pin."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.backends.files import DiskWorkspace
from envlock.backends.rattler_specs import RattlerSpecs
from envlock.cli.wiring import pins_beside
from envlock.formats.conda_lock import read_lock
from envlock.model.lock import Lock
from envlock.solve.coupling import find_links, find_steps, known_faults, new_faults
from envlock.solve.moves import Limits, find_way
from envlock.workflows.lock_limits import read_limits

STACKS = Path(__file__).parents[2] / "stacks"
LINUX = "linux-64"


def read(name: str) -> tuple[Lock, Limits]:
    file = STACKS / f"{name}.conda-lock.yml"
    lock = read_lock(file.read_bytes(), str(file))
    return lock, read_limits(lock, LINUX, pins_beside(str(file)), DiskWorkspace())


@pytest.mark.parametrize(
    ("good", "bad", "most_in_one_step"),
    [
        ("torch-cu121", "torch-cu129", 60),  # another Python and another CUDA line, as one
        ("torch-cu129", "torch-cu130", 31),  # the CUDA line is nearly all that differs
        ("torch-cu130", "torch-hub", 40),
        ("workbench", "torch-hub", 25),
    ],
)
def test_each_step_between_two_shipped_locks_leads_to_packages_that_fit(
    good: str, bad: str, most_in_one_step: int
):
    (before, limits), (after, more) = read(good), read(bad)
    way = find_way(before, after, LINUX, {**limits, **more})
    specs = RattlerSpecs()

    steps = find_steps([move.name for move in way.moves], find_links(way, specs))

    known = known_faults(way, specs)
    made: frozenset[str] = frozenset()
    for step in steps:
        made |= step.names
        assert new_faults(way, made, specs, known) == ()
    assert made == {move.name for move in way.moves}
    assert max(len(step.names) for step in steps) <= most_in_one_step
    others = len(way.moves) - max(len(step.names) for step in steps)
    assert len(steps) >= others * 0.9


def test_a_lock_holds_no_limits_and_its_pin_does():
    lock, limits = read("torch-cu121")

    (pytorch,) = (row for row in lock.packages_on(LINUX) if row.name == "pytorch")
    assert ("cpuonly", "<0") in limits[pytorch.url]
    assert not any(name.startswith("__") for each in limits.values() for name, _ in each)


def test_without_its_pin_nothing_is_limited(tmp_path: Path):
    lock, _ = read("torch-cu121")
    beside = pins_beside(str(tmp_path / "torch-cu121.toml"))

    assert read_limits(lock, LINUX, beside, DiskWorkspace()) == {}
