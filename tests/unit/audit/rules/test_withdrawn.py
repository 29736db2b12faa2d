"""EL601: gone and withdrawn files."""

from __future__ import annotations

from envlock.audit.rules.withdrawn import RULE
from envlock.model.sight import Sight, Withdrawn
from readings import case, judged, reading, remedies, seen, told, wheel


def of(*withdrawn: Withdrawn):
    found = reading(wheel("a", "1.0", line=5), wheel("b", "2.0", line=8), wheel("c"))
    return case(found, sights=seen(Sight.INDEX, withdrawn=withdrawn))


def test_what_is_gone_is_an_error_and_what_was_yanked_a_warning():
    gone = Withdrawn(package="a", file="a-1.0.whl", problem="is gone (HTTP 404)", is_gone=True)
    yanked = Withdrawn(package="b", file="b-2.0.whl", problem="was yanked: broken metadata")

    assert told(RULE, of(gone, yanked)) == [
        "error at 5 (a): `a-1.0.whl` is gone (HTTP 404).",
        "warning at 8 (b): `b-2.0.whl` was yanked: broken metadata.",
    ]
    assert remedies(RULE, of(gone, yanked)) == [
        "take the file from a mirror or an archive of yours while it can still be had, and lock "
        "another build or version.",
        "lock another version: the author took this one back.",
    ]


def test_what_is_there_is_left_alone():
    assert told(RULE, of()) == []


def test_what_could_not_be_asked_about_is_a_note():
    sights = seen(Sight.INDEX, unasked="1 package: HTTP 503 from wheels.example")

    assert told(RULE, case(reading(wheel("a")), sights=sights)) == [
        "note: not every package could be asked about: 1 package: HTTP 503 from wheels.example."
    ]


def test_without_the_network_nobody_looked():
    found = judged(RULE, reading(wheel("a")))

    assert [item.what for item in found.unlooked] == ["the package indexes"]
