"""EL005: packages that are referred to and not there."""

from __future__ import annotations

from envlock.audit.rules.absent_package import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(
        odd(OddityKind.ABSENT, "`numpy` is referred to and has no row", line=12, subject="numpy")
    )

    assert told(RULE, found) == [
        "error at 12 (numpy): `numpy` is referred to and has no row. Whoever installs from this "
        "file gets an error, or whatever version is found.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.ABSENT, "`numpy` is referred to and has no row", line=12, subject="numpy"),
        odd(OddityKind.ABSENT, "`numpy` is referred to and has no row", line=90, subject="numpy"),
    )

    assert told(RULE, found) == [
        "error at 12 (numpy): `numpy` is referred to and has no row. Whoever installs from this "
        "file gets an error, or whatever version is found.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.UNUSED, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(
        *(
            odd(
                OddityKind.ABSENT,
                f"`p{at}` is referred to and has no row",
                line=at,
                subject=f"p{at}",
            )
            for at in range(1, 6)
        )
    )

    assert told(RULE, found) == [
        "error at 1: 5 packages are referred to and have no row: `p1`, `p2`, `p3`, `p4` and "
        "`p5`. Whoever installs from this file gets an error, or whatever version is found.",
    ]
