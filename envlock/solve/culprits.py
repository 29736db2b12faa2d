"""Which steps between a good and a bad environment make the difference. No builds, no clock.

The walk from good to bad goes through coherent environments, one step more each time. Its first is
good and its last is bad, so somewhere a good one is followed by a bad one; halving finds where, in
log2(steps) tries. The step between the two is needed for the difference. Whether it is enough is
one more try: it alone, with what has to be moved for it. Where that is still good, something before
it is needed too, and the same search finds it among what lies between, with that step made.

Where more moves never mend what fewer broke, what is found is a smallest set. Where they do, each
named step still has its pair: two environments that differ in it alone, one good and one bad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from envlock.model.bisect import Grade
from envlock.solve.coupling import Step

Moved = frozenset[str]
"""The names that have moved; none in the good environment, all in the bad one."""
Try = Callable[[Moved], Grade]


class Answer(StrEnum):
    """How a search ended."""

    FOUND = "found"
    GOOD_IS_NOT_GOOD = "good-is-not-good"
    BAD_IS_NOT_BAD = "bad-is-not-bad"
    UNRESOLVED = "unresolved"
    """The difference lies among some steps, and what is between them cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """A step, and two environments that differ in it alone: one good, one bad."""

    step: Step
    without: Moved
    with_it: Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What came of a search."""

    answer: Answer
    culprits: tuple[Culprit, ...] = ()
    enough: Moved | None = None
    """The smallest set of moves that was seen to be bad."""
    remainder: tuple[Step, ...] = ()
    """Steps of which at least one makes the difference, where no more can be told."""
    tries: int = 0
    """How many environments were looked at."""
    tries_to_find: int = 0
    """How many of them until the last culprit was known; the rest shows that they are enough."""


def most_tries(steps: int) -> int:
    """Return how many tries find a single culprit where nothing is skipped: log2(steps) + 2."""
    return 2 + max(0, steps - 1).bit_length()


def find_culprits(steps: Sequence[Step], look: Try) -> Search:
    """Search among steps, of which every beginning is coherent; `look` is asked once for a set."""
    tried = _Tried(look)
    whole: Moved = frozenset().union(*(step.names for step in steps))
    if tried(frozenset()) is not Grade.GOOD:
        return Search(answer=Answer.GOOD_IS_NOT_GOOD, tries=tried.count)
    if tried(whole) is not Grade.BAD:
        return Search(answer=Answer.BAD_IS_NOT_BAD, tries=tried.count)
    needed: Moved = frozenset()
    bad = whole
    culprits: list[Culprit] = []
    to_find = tried.count
    while needed != bad and tried(needed) is not Grade.BAD:
        stretch = _narrow(_Stretch(needed, bad), steps, tried)
        between = stretch.steps(steps)
        to_find = tried.count
        if len(between) > 1 or tried(stretch.low) is not Grade.GOOD:
            return Search(
                answer=Answer.UNRESOLVED,
                culprits=tuple(culprits),
                enough=stretch.high,
                remainder=tuple(between),
                tries=tried.count,
                tries_to_find=to_find,
            )
        step = between[0]
        culprits.append(Culprit(step=step, without=stretch.low, with_it=stretch.high))
        needed, bad = needed | step.closure, stretch.high
    return Search(
        answer=Answer.FOUND,
        culprits=tuple(culprits),
        enough=needed,
        tries=tried.count,
        tries_to_find=to_find,
    )


@dataclass(slots=True)
class _Tried:
    """Asks for each set once."""

    look: Try
    known: dict[Moved, Grade] = field(default_factory=dict)

    def __call__(self, moved: Moved) -> Grade:
        if moved not in self.known:
            self.known[moved] = self.look(moved)
        return self.known[moved]

    @property
    def count(self) -> int:
        return len(self.known)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What lies between an environment that is not bad and a larger one that is."""

    low: Moved
    high: Moved

    def steps(self, steps: Sequence[Step]) -> list[Step]:
        """Return the steps in between, in their order."""
        return [step for step in steps if step.names <= self.high and not step.names <= self.low]


def _narrow(stretch: _Stretch, steps: Sequence[Step], tried: _Tried) -> _Stretch:
    """Return the smallest stretch that halving comes to.

    Where the check passes environments over, another order of the steps leads through others.
    """
    narrowed = _halve(stretch, stretch.steps(steps), tried)
    between = narrowed.steps(steps)
    if len(between) > 1:
        narrowed = _halve(narrowed, _other_order(between, narrowed.low), tried)
    return narrowed


def _halve(stretch: _Stretch, between: Sequence[Step], tried: _Tried) -> _Stretch:
    walk = [stretch.low]
    for step in between:
        walk.append(walk[-1] | step.names)
    low, high = 0, len(walk) - 1
    while True:
        middle = (low + high) // 2
        inner = sorted(range(low + 1, high), key=lambda place: (abs(place - middle), place))
        told = next((at for at in inner if tried(walk[at]) is not Grade.SKIPPED), None)
        if told is None:
            return _Stretch(walk[low], walk[high])
        if tried(walk[told]) is Grade.BAD:
            high = told
        else:
            low = told


def _other_order(between: Sequence[Step], low: Moved) -> list[Step]:
    """Return the steps as late ones first as what lies below them allows."""
    waiting, made, order = list(between), low, []
    while waiting:
        step = next(step for step in reversed(waiting) if step.below <= made)
        waiting.remove(step)
        made = made | step.names
        order.append(step)
    return order
