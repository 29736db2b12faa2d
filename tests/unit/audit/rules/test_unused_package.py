"""EL006: rows that nothing refers to."""

from __future__ import annotations

from envlock.audit.rules.unused_package import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(odd(OddityKind.UNUSED, "nothing refers to `numpy`", line=12, subject="numpy"))

    assert told(RULE, found) == [
        "note at 12 (numpy): nothing refers to `numpy`. It is not installed.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.UNUSED, "nothing refers to `numpy`", line=12, subject="numpy"),
        odd(OddityKind.UNUSED, "nothing refers to `numpy`", line=90, subject="numpy"),
    )

    assert told(RULE, found) == [
        "note at 12 (numpy): nothing refers to `numpy`. It is not installed.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(
        *(
            odd(OddityKind.UNUSED, f"nothing refers to `p{at}`", line=at, subject=f"p{at}")
            for at in range(1, 6)
        )
    )

    assert told(RULE, found) == [
        "note at 1: 5 rows describe packages that nothing refers to: `p1`, `p2`, `p3`, `p4` and "
        "`p5`. They are not installed.",
    ]
