"""A difference is empty for equals, mirrors with its sides, and leads from one to the other."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envlock.model.lock import Lock, LockedPackage
from envlock.solve.difference import Difference, Direction, compare_locks, compare_versions
from locks import make_lock

URLS = [
    "https://conda.anaconda.org/conda-forge/noarch/a-1.0-0.conda",
    "https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h0_0.conda",
    "https://conda.anaconda.org/pytorch/linux-64/a-1.0-h0_0.tar.bz2",
    "file:///a",
]
PACKAGES = st.lists(
    st.builds(
        LockedPackage,
        name=st.sampled_from("ab"),
        version=st.sampled_from(["1.0", "1.0.0", "1.1rc1", "1.1", "?"]),
        manager=st.sampled_from(["conda", "pip"]),
        platform=st.sampled_from(["linux-64", "win-64"]),
        url=st.sampled_from(URLS),
        md5=st.none() | st.just("m"),
        sha256=st.none() | st.sampled_from(["s", "t"]),
        dependencies=st.dictionaries(st.sampled_from("ab"), st.just(">=1"), max_size=2),
        category=st.sampled_from(["main", "dev"]),
    ),
    max_size=6,
)
INPUTS = st.none() | st.dictionaries(st.sampled_from(["gpu.cuda", "x"]), st.sampled_from([1, "1"]))
LOCKS = st.builds(
    lambda packages, inputs, facts: make_lock(*packages, inputs=inputs, facts=facts),
    PACKAGES,
    INPUTS,
    st.dictionaries(st.sampled_from(["pin", "linux-64/cuda"]), st.text(max_size=3)),
)
VERSIONS = st.from_regex(r"([0-9]{1,2}!)?[0-9a-z]{0,3}([._-][0-9a-z]{0,4}){0,3}", fullmatch=True)
OPPOSITE = {"added": "removed", "removed": "added", "up": "down", "down": "up"}


def text_of(package: LockedPackage | None) -> str:
    """All of a package; the order of its dependencies carries nothing."""
    if package is None:
        return ""
    return repr(replace(package, dependencies=dict(sorted(package.dependencies.items()))))


def changes(difference: Difference) -> Counter[tuple[object, ...]]:
    return Counter(
        (platform, text_of(change.before), text_of(change.after), change.kind, change.aspects)
        for platform, found in difference.platforms.items()
        for change in found
    )


@given(LOCKS)
def test_a_lock_does_not_differ_from_itself(lock: Lock):
    assert compare_locks(lock, lock).is_empty


@given(LOCKS, st.randoms())
def test_the_order_of_packages_is_no_difference(lock: Lock, random: object):
    shuffled = list(lock.packages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert compare_locks(lock, replace(lock, packages=tuple(shuffled))).is_empty


@given(LOCKS, LOCKS)
def test_swapping_the_sides_mirrors_the_difference(one: Lock, other: Lock):
    there, back = compare_locks(one, other), compare_locks(other, one)

    assert there.is_empty == back.is_empty
    assert changes(back) == Counter(
        {
            (platform, after, before, OPPOSITE.get(str(kind), kind), aspects): count
            for (platform, before, after, kind, aspects), count in changes(there).items()
        }
    )
    assert [(item.key, item.after, item.before) for item in there.head] == [
        (item.key, item.before, item.after) for item in back.head
    ]


@given(LOCKS, LOCKS)
def test_a_difference_leads_from_one_lock_to_the_other(one: Lock, other: Lock):
    found = compare_locks(one, other)
    all_changes = [change for part in found.platforms.values() for change in part]

    gone = Counter(text_of(change.before) for change in all_changes if change.before)
    come = Counter(text_of(change.after) for change in all_changes if change.after)

    start, end = (Counter(map(text_of, lock.packages)) for lock in (one, other))
    assert start - gone + come == end
    assert not gone & come


@given(LOCKS, LOCKS)
def test_every_change_says_what_differs(one: Lock, other: Lock):
    for found in compare_locks(one, other).platforms.values():
        for change in found:
            assert bool(change.aspects) == (change.before is not None and change.after is not None)


@given(VERSIONS, VERSIONS)
def test_up_and_down_are_opposites(one: str, other: str):
    there, back = compare_versions(one, other), compare_versions(other, one)

    assert OPPOSITE.get(there.value, there.value) == back.value
    assert compare_versions(one, one) is Direction.UNSURE


@given(VERSIONS, VERSIONS, VERSIONS)
def test_what_is_above_the_upper_is_above_the_lower(low: str, middle: str, high: str):
    up = Direction.UP

    if compare_versions(low, middle) is up and compare_versions(middle, high) is up:
        assert compare_versions(low, high) is up
