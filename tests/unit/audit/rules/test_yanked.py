"""EL604: versions yanked when they were locked."""

from __future__ import annotations

from envlock.audit.rules.yanked import RULE
from envlock.model.reading import OriginKind
from envlock.model.sight import Sight, Withdrawn
from readings import INDEX, case, origin, reading, seen, told, wheel


def yanked(reason: str | None):
    file = origin(f"{INDEX}/a-1.0-py3-none-any.whl", OriginKind.WHEEL, yanked=reason, line=6)
    return wheel("a", "1.0", origins=[file, file])


def test_a_yanked_version_is_told_with_its_reason():
    assert told(RULE, reading(yanked("broken metadata"))) == [
        "warning at 6 (a): a 1.0 was already yanked when it was locked: broken metadata."
    ]
    assert told(RULE, reading(yanked(""))) == [
        "warning at 6 (a): a 1.0 was already yanked when it was locked."
    ]


def test_a_version_that_was_not_yanked_is_left_alone():
    assert told(RULE, reading(yanked(None))) == []


def test_what_the_index_was_asked_about_is_not_told_twice():
    seen_too = Withdrawn(package="a", file="a-1.0-py3-none-any.whl", problem="was yanked")
    sights = seen(Sight.INDEX, withdrawn=(seen_too,))

    assert told(RULE, case(reading(yanked("broken")), sights=sights)) == []
