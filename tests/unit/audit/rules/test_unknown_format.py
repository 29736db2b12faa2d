"""EL003: versions that are not known."""

from __future__ import annotations

from envlock.audit.rules.unknown_format import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(
        odd(OddityKind.UNKNOWN_FORMAT, "version 1000 of conda-lock is not known", line=12)
    )

    assert told(RULE, found) == [
        "warning at 12: version 1000 of conda-lock is not known. What is new in it was not judged.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.UNKNOWN_FORMAT, "version 1000 of conda-lock is not known", line=12),
        odd(OddityKind.UNKNOWN_FORMAT, "version 1000 of conda-lock is not known", line=90),
    )

    assert told(RULE, found) == [
        "warning at 12: version 1000 of conda-lock is not known. What is new in it was not judged.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []
