"""Generations: which comes before which, which have expired, what an age means."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, StoreError
from envlock.model.store import Generation
from envlock.store.generations import (
    beyond,
    check_profile,
    expired,
    link_name,
    parse_age,
    parse_link,
    previous,
)

NOW = "2026-11-24T10:00:00Z"


def generation(number: int, day: int = 1, *, current: bool = False, profile: str = "a"):
    return Generation(
        profile=profile,
        number=number,
        label=f"{'k' * 32}-{profile}",
        made_at=f"2026-11-{day:02}T10:00:00Z",
        is_current=current,
    )


def numbers(found: tuple[Generation, ...]) -> list[tuple[str, int]]:
    return [(each.profile, each.number) for each in found]


@pytest.mark.parametrize("name", ["torch", "torch-cu121", "a-1-link-b", "x.y_z+1", "1"])
def test_a_link_tells_profile_and_number(name: str):
    check_profile(name)
    assert parse_link(link_name(name, 12)) == (name, 12)


@pytest.mark.parametrize("name", ["torch", "torch-link", "-1-link", "a-x-link", "a-1-links", ""])
def test_other_names_are_no_generation(name: str):
    assert parse_link(name) is None


def test_the_generation_before_the_current_one_is_the_nearest_older():
    found = [generation(1), generation(3), generation(7, current=True), generation(9)]

    assert previous(found, "a").number == 3


def test_the_first_generation_has_none_before_it():
    with pytest.raises(StoreError) as caught:
        previous([generation(2, current=True), generation(5)], "a")

    assert str(caught.value) == (
        "profile `a` has no generation before the current one, 2; it has: 2, 5\n"
        "Nothing was changed."
    )
    assert caught.value.hints == ("`envlock generations a` lists them",)


def test_what_is_current_never_expires():
    found = [generation(1, 1, current=True), generation(2, 2), generation(3, 20)]

    assert numbers(expired(found, before="2026-11-10T00:00:00Z")) == [("a", 2)]


def test_each_profile_keeps_its_newest_generations_and_the_current_one():
    found = [
        *(generation(1, current=True), generation(2), generation(3), generation(4)),
        *(generation(1, profile="b"), generation(2, profile="b", current=True)),
    ]

    assert numbers(beyond(found, keep=1)) == [("a", 2), ("a", 3), ("b", 1)]
    assert numbers(beyond(found, keep=0)) == [("a", 2), ("a", 3), ("a", 4), ("b", 1)]
    assert numbers(beyond(found, keep=4)) == []


@pytest.mark.parametrize(
    ("age", "time"),
    [
        ("0d", "2026-11-24T10:00:00Z"),
        ("12h", "2026-11-23T22:00:00Z"),
        ("30d", "2026-10-25T10:00:00Z"),
        ("2w", "2026-11-10T10:00:00Z"),
        ("1m", "2026-10-25T10:00:00Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
        ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
    ],
)
def test_an_age_or_a_date_is_a_time(age: str, time: str):
    assert parse_age(age, now=NOW) == time


@pytest.mark.parametrize("age", ["", "30", "d", "5x", "-3d", "yesterday", "30 d", "999999d"])
def test_anything_else_is_refused(age: str):
    with pytest.raises(EnvlockError) as caught:
        parse_age(age, now=NOW)

    assert str(caught.value) == f"expected an age or a date, found {age!a}"
    assert caught.value.hints == (
        "write `30d`, `12h`, `2w`, `6m` (months of 30 days), or `2026-11-24`",
    )


def test_an_age_from_before_all_time_is_the_beginning_of_time():
    assert parse_age("99999m", now=NOW) == "0001-01-01T00:00:00Z"
