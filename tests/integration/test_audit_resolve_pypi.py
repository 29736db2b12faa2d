"""`audit --level resolve` of a stack that takes packages from PyPI: its recording is replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit_house import audited, lines
from envlock.model.finding import AuditReport
from envlock.model.stack import AuditLevel
from pypi_house import House
from tiny import record

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.*"

[pypi-dependencies]
tool = "*"
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A stack of both halves, recorded and solved."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    house = House(tmp_path, STACK, {"conda-forge": {"linux-64": [record("python", "3.12.9")]}})
    house.wheels.add("tool", "1.0", "helper<2")
    house.wheels.add("helper", "1.5")
    house.record()
    house.solve()
    return house


def resolved(house: House) -> AuditReport:
    return audited(
        house.path,
        codes=("EL5", "EL901"),
        level=AuditLevel.RESOLVE,
        solve_tools=lambda _: house.tools,
    )


def test_both_halves_solve_to_the_same_bytes(house: House):
    report = resolved(house)

    assert lines(report) == []
    assert report.level is AuditLevel.RESOLVE


def test_a_wheel_that_the_replay_gives_otherwise_is_named(house: House):
    house.wheels.add("helper", "1.6")

    assert lines(resolved(house)) == [
        "EL901 helper: Solved again from its pin, helper on linux-64 has the version `1.6` and "
        "not `1.5`."
    ]


def test_a_recording_that_is_gone_is_told_and_the_level_is_not_reached(house: House):
    for path in Path("pins", "pypi").glob("*.zst"):
        path.unlink()

    report = resolved(house)

    (said,) = lines(report)
    assert said.startswith("EL503: The lock cannot be solved again: ")
    assert report.level is AuditLevel.LOCK


def test_a_stack_that_no_recording_is_assigned_to_cannot_be_solved_again(house: House):
    Path("pins", "pypi", "pins.toml").unlink()

    assert lines(resolved(house)) == [
        "EL503: The lock cannot be solved again: its stack has no recording any more."
    ]


def test_a_new_recording_makes_the_lock_stale(house: House):
    house.wheels.add("other", "1.0")
    house.wheels.page("other")
    house.record()

    assert [line.partition(":")[0] for line in lines(resolved(house))] == ["EL501 recording"]
