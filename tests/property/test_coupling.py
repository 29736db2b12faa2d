"""Between any two locks: what follows the links fits, and no link is there for nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.backends.rattler_specs import RattlerSpecs
from envlock.model.lock import LockedPackage
from envlock.solve.coupling import find_links, find_steps, known_faults, new_faults
from envlock.solve.moves import Way, find_way, mixture
from locks import locked, make_lock, pip_locked

SPECS = RattlerSpecs()
NAMES = ("a", "b", "c", "d", "e", "f")
CUDA = ("cuda-cudart", "cuda-nvrtc", "cuda-nvtx")
SPEC = st.sampled_from(["", "<2", ">=2", "==1.0", ">=9"])


@st.composite
def rows(draw: st.DrawFn) -> list[LockedPackage]:
    """Conda packages and wheels that need each other at random, and a toolkit of any line."""
    found: list[LockedPackage] = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        needs = draw(st.dictionaries(st.sampled_from(NAMES), SPEC, max_size=3))
        make = locked if draw(st.booleans()) else pip_locked
        version = draw(st.sampled_from(["1.0", "2.0", "3.0"]))
        found.append(make(name, version, needs=[f"{key} {needs[key]}" for key in needs]))
    lines = st.sampled_from(["12.1.105", "12.4.127", "13.0.1"])
    toolkit = draw(st.lists(st.sampled_from(CUDA), unique=True))
    return [*found, *(locked(name, draw(lines)) for name in toolkit)]


def way_of(good: list[LockedPackage], bad: list[LockedPackage]) -> Way:
    return find_way(make_lock(*good), make_lock(*bad), "linux-64")


@given(rows(), rows(), st.data())
@settings(max_examples=120, deadline=None)
def test_every_set_of_moves_that_follows_the_links_fits(
    good: list[LockedPackage], bad: list[LockedPackage], data: st.DataObject
):
    way = way_of(good, bad)
    steps = find_steps([move.name for move in way.moves], find_links(way, SPECS))
    known = known_faults(way, SPECS)
    if not steps:
        return

    some = data.draw(st.lists(st.sampled_from(steps)))
    moved = frozenset[str]().union(*(step.closure for step in some))

    assert new_faults(way, moved, SPECS, known) == ()


@given(rows(), rows())
@settings(max_examples=120, deadline=None)
def test_who_does_not_follow_a_link_has_a_fault_that_neither_lock_has(
    good: list[LockedPackage], bad: list[LockedPackage]
):
    way = way_of(good, bad)
    known = known_faults(way, SPECS)

    for who, dragged in find_links(way, SPECS).items():
        for whom in dragged:
            rest = [move.name for move in way.moves if move.name not in (who, whom)]
            assert new_faults(way, [who], SPECS, known)
            assert new_faults(way, [who, *rest], SPECS, known)


@given(rows(), rows())
def test_a_mixture_begins_as_the_good_lock_and_ends_as_the_bad_one(
    good: list[LockedPackage], bad: list[LockedPackage]
):
    way = way_of(good, bad)

    def files(packages: tuple[LockedPackage, ...] | list[LockedPackage]) -> set[object]:
        return {(row.manager, row.name, row.version, row.sha256) for row in packages}

    assert files(mixture(way, ()).packages) == files(good)
    assert files(mixture(way, [move.name for move in way.moves]).packages) == files(bad)
