"""EL002: keys that stand twice."""

from __future__ import annotations

from envlock.audit.rules.duplicate_key import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(
        odd(OddityKind.DUPLICATE_KEY, "the key `sha256` stands twice.", line=12, subject="sha256")
    )

    assert told(RULE, found) == [
        "warning at 12 (sha256): the key `sha256` stands twice. Tools keep one of the values "
        "and drop the other without a word.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.DUPLICATE_KEY, "the key `sha256` stands twice.", line=12, subject="sha256"),
        odd(OddityKind.DUPLICATE_KEY, "the key `sha256` stands twice.", line=90, subject="sha256"),
    )

    assert told(RULE, found) == [
        "warning at 12 (sha256): the key `sha256` stands twice. Tools keep one of the values "
        "and drop the other without a word.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(
        *(
            odd(
                OddityKind.DUPLICATE_KEY, f"the key `p{at}` stands twice", line=at, subject=f"p{at}"
            )
            for at in range(1, 6)
        )
    )

    assert told(RULE, found) == [
        "warning at 1: 5 keys stand twice: `p1`, `p2`, `p3`, `p4` and `p5`. Tools keep one of "
        "the values and drop the other without a word.",
    ]
