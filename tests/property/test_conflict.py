"""The smallest conflict is a conflict, and nothing in it can be spared."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from envlock.solve.conflict import smallest_conflict

ITEMS = list(range(30))
CORES = st.sets(st.sampled_from(ITEMS), min_size=1, max_size=5)


@given(CORES)
def test_one_hidden_core_is_found_exactly(core: set[int]):
    def conflicts(relaxed: Sequence[int]) -> bool:
        return not core & set(relaxed)

    assert smallest_conflict(ITEMS, conflicts) == tuple(sorted(core))


@given(st.lists(CORES, min_size=2, max_size=4))
def test_of_several_cores_a_minimal_one_is_found(cores: list[set[int]]):
    def conflicts(relaxed: Sequence[int]) -> bool:
        return any(not core & set(relaxed) for core in cores)

    found = smallest_conflict(ITEMS, conflicts)

    assert conflicts([item for item in ITEMS if item not in found])
    for spared in found:
        assert not conflicts([item for item in ITEMS if item not in found or item == spared])


def test_a_core_among_many_is_found_with_few_questions():
    asked = 0

    def conflicts(relaxed: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return not {3, 250} & set(relaxed)

    assert smallest_conflict(range(300), conflicts) == (3, 250)
    assert asked <= 40


def test_nothing_is_no_conflict():
    assert smallest_conflict([], lambda _: True) == ()
