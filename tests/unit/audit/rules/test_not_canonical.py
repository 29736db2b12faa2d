"""EL007: files that are not as their tool writes them."""

from __future__ import annotations

from envlock.audit.rules.not_canonical import RULE
from envlock.model.reading import OddityKind
from readings import conda, odd, reading, told


def test_one_is_told_with_what_follows_from_it():
    found = reading(odd(OddityKind.NOT_CANONICAL, "the lines end in CR LF", line=12))

    assert told(RULE, found) == [
        "note at 12: the lines end in CR LF. Its digest differs from that of the same content "
        "as the tool writes it.",
    ]


def test_it_is_told_once_for_the_same_thing():
    found = reading(
        odd(OddityKind.NOT_CANONICAL, "the lines end in CR LF", line=12),
        odd(OddityKind.NOT_CANONICAL, "the lines end in CR LF", line=90),
    )

    assert told(RULE, found) == [
        "note at 12: the lines end in CR LF. Its digest differs from that of the same content "
        "as the tool writes it.",
    ]


def test_other_oddities_are_not_its_own():
    found = reading(odd(OddityKind.ABSENT, "something else", line=3), conda("numpy"))

    assert told(RULE, found) == []
