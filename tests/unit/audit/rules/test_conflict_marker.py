"""EL001: merges that were not ended."""

from __future__ import annotations

from envlock.audit.rules.conflict_marker import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(
        odd(
            OddityKind.CONFLICT, "a merge was not ended in line 12; the first side is read", line=12
        )
    )

    assert told(RULE, found) == [
        "error at 12: a merge was not ended in line 12; the first side is read. So the file "
        "gives two answers.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(
            OddityKind.CONFLICT, "a merge was not ended in line 12; the first side is read", line=12
        ),
        odd(
            OddityKind.CONFLICT, "a merge was not ended in line 12; the first side is read", line=90
        ),
    )

    assert told(RULE, found) == [
        "error at 12: a merge was not ended in line 12; the first side is read. So the file "
        "gives two answers.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(
        *(
            odd(OddityKind.CONFLICT, f"a merge was not ended in line {at}", line=at)
            for at in range(1, 6)
        )
    )

    assert told(RULE, found) == [
        "error at 1: 5 merges were not ended, at `line 1`, `line 2`, `line 3`, `line 4` and "
        "`line 5`. So the file gives two answers.",
    ]
