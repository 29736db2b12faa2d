"""A search among steps is never wrong, and as quick as halving can be for a single culprit."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.model.bisect import Grade
from envlock.solve.coupling import Step, find_steps
from envlock.solve.culprits import Answer, Moved, Search, find_culprits, most_tries

LARGEST = 60


@st.composite
def names_and_links(draw: st.DrawFn) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Some names, and who drags whom along: rings, chains and trees as chance has it."""
    names = [f"p{number:02}" for number in range(draw(st.integers(1, LARGEST)))]
    one = st.sampled_from(names)
    pairs = draw(st.lists(st.tuples(one, one), max_size=LARGEST))
    links: dict[str, dict[str, str]] = {}
    for who, whom in pairs:
        if who != whom:
            links.setdefault(who, {})[whom] = f"{who} needs {whom}"
    return names, links


def closed(moved: Moved, links: dict[str, dict[str, str]]) -> bool:
    return all(whom in moved for who in moved for whom in links.get(who, {}))


def broken_by(culprits: set[str], asked: list[Moved]) -> Callable[[Moved], Grade]:
    def look(moved: Moved) -> Grade:
        asked.append(moved)
        return Grade.BAD if culprits <= moved else Grade.GOOD

    return look


def step_of(name: str, steps: tuple[Step, ...]) -> Step:
    return next(step for step in steps if name in step.names)


def highest(culprits: set[str], steps: tuple[Step, ...]) -> set[Step]:
    """The culprits' steps, without those that another of them drags along."""
    found = {step_of(name, steps) for name in culprits}
    return {step for step in found if not any(step.names <= other.below for other in found)}


@given(names_and_links(), st.data())
@settings(max_examples=150, deadline=None)
def test_up_to_three_culprits_that_break_together_are_all_named_and_nobody_else(
    case: tuple[list[str], dict[str, dict[str, str]]], data: st.DataObject
):
    names, links = case
    culprits = set(data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)))
    steps = find_steps(names, links)
    asked: list[Moved] = []

    search = find_culprits(steps, broken_by(culprits, asked))

    wanted = highest(culprits, steps)
    assert search.answer is Answer.FOUND
    assert {each.step for each in search.culprits} == wanted
    assert search.enough == frozenset().union(*(step.closure for step in wanted))
    assert all(closed(moved, links) for moved in asked)
    assert len(asked) == len(set(asked)) == search.tries


@given(names_and_links(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_single_culprit_is_found_in_log2_of_the_steps_plus_two_tries(
    case: tuple[list[str], dict[str, dict[str, str]]], data: st.DataObject
):
    names, links = case
    culprit = data.draw(st.sampled_from(names))
    steps = find_steps(names, links)

    search = find_culprits(steps, broken_by({culprit}, []))

    assert [each.step for each in search.culprits] == [step_of(culprit, steps)]
    assert search.tries_to_find <= most_tries(len(steps))
    assert search.tries <= search.tries_to_find + 1


@given(names_and_links(), st.data())
@settings(max_examples=150, deadline=None)
def test_several_culprits_cost_a_search_each_and_a_try_that_they_are_enough(
    case: tuple[list[str], dict[str, dict[str, str]]], data: st.DataObject
):
    names, links = case
    culprits = set(data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)))
    steps = find_steps(names, links)

    search = find_culprits(steps, broken_by(culprits, []))

    halving = most_tries(len(steps)) - 2
    assert search.tries <= 2 + len(search.culprits) * (halving + 1)


@given(names_and_links(), st.data())
@settings(max_examples=150, deadline=None)
def test_each_culprit_has_a_good_and_a_bad_environment_that_differ_in_it_alone(
    case: tuple[list[str], dict[str, dict[str, str]]], data: st.DataObject
):
    names, links = case
    steps = find_steps(names, links)
    answers = data.draw(st.dictionaries(st.integers(0, 2**16), st.booleans()))
    whole = frozenset(names)
    known: dict[Moved, Grade] = {}

    def look(moved: Moved) -> Grade:
        """Anything at all: a set that is bad may be good again with more in it."""
        if moved in (frozenset(), whole):
            return Grade.BAD if moved else Grade.GOOD
        key = sum(hash_of(name) for name in moved) % 2**16
        known[moved] = Grade.BAD if answers.get(key, key % 3 == 0) else Grade.GOOD
        return known[moved]

    search = find_culprits(steps, look)

    assert search.answer is Answer.FOUND
    for each in search.culprits:
        assert each.with_it - each.without == each.step.names
        assert known.get(each.without, Grade.GOOD) is Grade.GOOD
        assert known.get(each.with_it, Grade.BAD) is Grade.BAD
    assert known.get(search.enough or frozenset(), Grade.BAD) is Grade.BAD


def hash_of(name: str) -> int:
    return int(name[1:]) * 2654435761 % 2**32


@given(names_and_links(), st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_passed_over_is_never_guessed_and_the_rest_holds_a_culprit(
    case: tuple[list[str], dict[str, dict[str, str]]], data: st.DataObject
):
    names, links = case
    one = st.sampled_from(names)
    culprits = set(data.draw(st.lists(one, min_size=1, max_size=3)))
    crashers = data.draw(st.lists(st.tuples(one, one), max_size=6))
    steps = find_steps(names, links)
    whole = frozenset(names)

    def look(moved: Moved) -> Grade:
        """Some pairs cannot be told unless both or neither has moved, ends aside."""
        if any((one in moved) != (other in moved) for one, other in crashers):
            return Grade.SKIPPED
        return Grade.BAD if culprits <= moved else Grade.GOOD

    search = find_culprits(steps, look)

    wanted = highest(culprits, steps)
    if search.answer is Answer.FOUND:
        assert {each.step for each in search.culprits} == wanted
    else:
        assert search.answer is Answer.UNRESOLVED
        assert {each.step for each in search.culprits} <= wanted
        assert search.enough is not None
        assert look(search.enough) is Grade.BAD
        assert_holds_a_culprit(search, culprits, steps)
    assert look(whole) is Grade.BAD


def assert_holds_a_culprit(search: Search, culprits: set[str], steps: tuple[Step, ...]) -> None:
    """One of the remainder is at fault, or nobody could say whether those found are enough."""
    found = {step_of(name, steps) for name in culprits}
    alone = frozenset().union(*(each.step.closure for each in search.culprits))
    assert found & set(search.remainder) or culprits <= alone


@given(names_and_links())
def test_every_beginning_of_the_steps_is_closed_and_every_name_is_in_one(
    case: tuple[list[str], dict[str, dict[str, str]]],
):
    names, links = case

    steps = find_steps(names, links)

    made: Moved = frozenset()
    for step in steps:
        made |= step.names
        assert closed(made, links)
        assert closed(step.closure, links)
        assert not step.names & step.below
    assert sorted(name for step in steps for name in step.names) == names


@given(names_and_links())
def test_a_good_one_that_is_bad_and_a_bad_one_that_is_good_are_said_at_once(
    case: tuple[list[str], dict[str, dict[str, str]]],
):
    steps = find_steps(*case)

    assert find_culprits(steps, lambda _: Grade.BAD).answer is Answer.GOOD_IS_NOT_GOOD
    assert find_culprits(steps, lambda _: Grade.BAD).tries == 1
    assert find_culprits(steps, lambda _: Grade.GOOD).answer is Answer.BAD_IS_NOT_BAD
    assert find_culprits(steps, lambda _: Grade.GOOD).tries == 2
    assert find_culprits(steps, lambda _: Grade.SKIPPED).answer is Answer.GOOD_IS_NOT_GOOD
