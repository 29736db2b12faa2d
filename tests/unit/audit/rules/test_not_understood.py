"""EL004: rows that could not be read."""

from __future__ import annotations

from envlock.audit.rules.not_understood import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(odd(OddityKind.NOT_UNDERSTOOD, "the row has no name", line=12))

    assert told(RULE, found) == [
        "warning at 12: the row has no name.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.NOT_UNDERSTOOD, "the row has no name", line=12),
        odd(OddityKind.NOT_UNDERSTOOD, "the row has no name", line=90),
    )

    assert told(RULE, found) == [
        "warning at 12: the row has no name.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(
        *(odd(OddityKind.NOT_UNDERSTOOD, f"row {at} has no name", line=at) for at in range(1, 6))
    )

    assert told(RULE, found) == [
        "warning at 1: 5 rows or keys make no sense, or only in part: `line 1`, `line 2`, `line "
        "3`, `line 4` and `line 5`. What hangs on them could not be judged.",
    ]
