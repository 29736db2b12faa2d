"""EL901 to EL903: what came out otherwise the second time."""

from __future__ import annotations

import pytest

from envlock.audit.rules import other_solution
from envlock.model.sight import Difference, Sight
from readings import case, judged, reading, remedies, seen, told

LOCK = reading(facts={"envlock/inputs": "{}"})


def resolved(*differences: Difference) -> list[str]:
    return told(other_solution.RULE, case(LOCK, sights=seen(Sight.RESOLVE, resolved=differences)))


def differing(field: str, was: str, now: str, subject: str = "numpy") -> Difference:
    return Difference(subject=subject, field=field, was=was, now=now, platform="linux-64")


def test_the_same_solution_has_no_finding():
    assert resolved() == []


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        (
            differing("version", "1.0", "2.0"),
            "numpy on linux-64 has the version `2.0` and not `1.0`",
        ),
        (
            differing("depends", "", "zlib >=1"),
            "numpy on linux-64 has the depends `zlib >=1` and not `none`",
        ),
        (
            differing("package", "numpy 1.0", ""),
            "numpy 1.0 is in the lock on linux-64 and not in the answer",
        ),
        (
            differing("package", "", "numpy 1.0"),
            "numpy 1.0 is in the answer on linux-64 and not in the lock",
        ),
    ],
)
def test_a_difference_names_the_package_the_field_and_the_platform(
    difference: Difference, message: str
):
    assert resolved(difference) == [f"error (numpy): Solved again from its pin, {message}."]


def test_a_head_that_names_another_version_is_a_note_with_its_own_remedy():
    item = Difference(subject="made-by", field="head", was="envlock 0", now="envlock 1")
    found = case(LOCK, sights=seen(Sight.RESOLVE, resolved=(item,)))

    assert told(other_solution.RULE, found) == [
        "note (made-by): Solved again from its pin, the lock's head says `made-by: envlock 1` and "
        "not `envlock 0`."
    ]
    assert remedies(other_solution.RULE, found) == [
        "solve it anew with this envlock to have its name in the head: `envlock solve STACK`."
    ]


def test_many_packages_that_differ_are_told_as_one():
    many = [differing("version", "1", "2", f"p{number}") for number in range(5)]

    assert resolved(*many) == [
        "error: Solved again from its pin, 5 packages differ on linux-64: `p0`, `p1`, `p2`, `p3` "
        "and `p4`."
    ]


def test_a_level_that_was_not_reached_is_told():
    (unlooked,) = judged(other_solution.RULE, LOCK).unlooked

    assert unlooked.what == "a second solve"
