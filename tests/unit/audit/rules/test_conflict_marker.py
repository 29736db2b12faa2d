"""EL001: merges that were not ended."""

from __future__ import annotations

from envlock.audit.rules.conflict_marker import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(odd(OddityKind.CONFLICT, "the line is `<<<<<<< HEAD`", line=12))

    assert told(RULE, found) == [
        "error at 12: the line is `<<<<<<< HEAD`. A merge was not ended here, so the file gives "
        "two answers.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.CONFLICT, "the line is `<<<<<<< HEAD`", line=12),
        odd(OddityKind.CONFLICT, "the line is `<<<<<<< HEAD`", line=90),
    )

    assert told(RULE, found) == [
        "error at 12: the line is `<<<<<<< HEAD`. A merge was not ended here, so the file gives "
        "two answers.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []
