"""EL404: one name in several versions."""

from __future__ import annotations

from envlock.audit.rules.several_versions import RULE
from envlock.model.reading import FileKind
from readings import conda, reading, told, wheel


def test_one_name_in_two_versions_is_an_error():
    found = reading(
        conda("pytorch", "2.1.0", "cuda120_1"),
        conda("pytorch", "2.1.2", "cuda118_1", line=30),
        wheel("a", "1.0"),
        wheel("A", "2.0", line=44),
    )

    assert told(RULE, found) == [
        "error at 30 (pytorch): pytorch is there 2 times on linux-64: 2.1.0 cuda120_1 and 2.1.2 "
        "cuda118_1.",
        "error at 44 (a): a is there 2 times on linux-64: 1.0 and 2.0.",
    ]


def test_one_version_in_two_builds_counts_for_conda():
    found = reading(conda("a", "1.0", "h1_0"), conda("a", "1.0", "h2_0"))

    assert told(RULE, found) == [
        "error (a): a is there 2 times on linux-64: 1.0 h1_0 and 1.0 h2_0."
    ]


def test_the_same_row_twice_is_one():
    assert told(RULE, reading(conda("a", "1.0"), conda("a", "1.0"), wheel("a", "1.0"))) == []


def test_markers_tell_versions_apart():
    found = reading(
        wheel("a", "1.0", marker="python_version < '3.12'"),
        wheel("a", "2.0", marker="python_version >= '3.12'"),
    )

    assert told(RULE, found) == []


def test_a_lock_for_many_machines_may_hold_several_answers():
    assert told(RULE, reading(wheel("a", "1.0"), wheel("a", "2.0"), kind=FileKind.UV)) == []


def test_environments_and_platforms_may_differ():
    found = reading(
        conda("a", "1.0", environments=["x"]),
        conda("a", "2.0", environments=["y"]),
        conda("a", "3.0", environments=["x"], platforms=["win-64"]),
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == []
