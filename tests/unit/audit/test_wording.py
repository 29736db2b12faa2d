"""How rules put things."""

from __future__ import annotations

from envlock.audit.wording import count, some


def test_a_few_names_are_all_said():
    assert some(["a"]) == "`a`"
    assert some(["a", "b"]) == "`a` and `b`"
    assert some(["c", "a", "b", "a"]) == "`c`, `a` and `b`"


def test_of_many_names_the_first_are_said_and_the_rest_are_counted():
    assert some([f"p{at}" for at in range(13)]) == "`p0`, `p1`, `p2` and 10 more"


def test_no_names_are_nothing():
    assert some([]) == ""


def test_a_number_goes_with_its_noun():
    assert count(1, "file") == "1 file"
    assert count(1200, "file") == "1,200 files"
    assert count(2, "entry", "entries") == "2 entries"
