"""Which moves drag others along, so that everything in between is an environment that fits.

Between two packages there are four states. Both as they were and both as they become are given:
the two locks are taken as they are. Only the two mixed states can be at odds, and each forbidden
one says "who makes this move makes that one too". So the coherent environments between two locks
are just the sets of moves that are closed under these links. Moves that drag each other along are
one step; and steps have an order in which every beginning of the walk is coherent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from envlock.model.lock import LockedPackage
from envlock.ports.specs import Specs
from envlock.solve.clash import Role, clash, clashes, role_of
from envlock.solve.moves import Names, Side, Way, sides_of

Links = Mapping[str, Mapping[str, str]]
"""Who drags whom along, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Moves that can only be made together."""

    names: frozenset[str]
    below: frozenset[str] = frozenset()
    """All moves that have to be made before it."""

    @property
    def closure(self) -> frozenset[str]:
        """The smallest coherent set of moves that holds it."""
        return self.names | self.below

    def __str__(self) -> str:
        return ", ".join(sorted(self.names))


def find_steps(names: Collection[str], links: Links) -> tuple[Step, ...]:
    """Return the steps in an order of which every beginning is closed under the links."""
    reach = {name: _reach(name, links) for name in names}
    steps: dict[frozenset[str], Step] = {}
    for name in sorted(names):
        ring = frozenset(other for other in reach[name] if name in reach[other])
        steps[ring] = Step(names=ring, below=frozenset(reach[name]) - ring)
    return tuple(sorted(steps.values(), key=lambda step: (len(step.closure), min(step.names))))


def _reach(name: str, links: Links) -> set[str]:
    found = {name}
    waiting = [name]
    while waiting:
        for other in links.get(waiting.pop(), {}):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def find_links(way: Way, specs: Specs) -> Links:
    """Return which moves drag which others along, each with the first reason."""
    links: dict[str, dict[str, str]] = {}
    for who, whom, reason in (*_by_needs(way, specs), *_by_clashes(way)):
        links.setdefault(who, {}).setdefault(whom, reason)
    return links


# --- what packages need of each other -------------------------------------------------------------


def _by_needs(way: Way, specs: Specs) -> Iterator[tuple[str, str, str]]:
    moves = {move.name: move for move in way.moves}
    for move in way.moves:
        for unmet in _asked_by(move.after, way, specs):
            other = moves.get(unmet.target)
            if other not in (None, move) and unmet(other.before) and not unmet(other.after):
                yield move.name, other.name, unmet.told(other.before)
        for unmet in _asked_by(move.before, way, specs):
            other = moves.get(unmet.target)
            if other not in (None, move) and unmet(other.after) and not unmet(other.before):
                yield other.name, move.name, unmet.told(other.after)


@dataclass(frozen=True, slots=True)
class _Unmet:
    """Whether a side is not what one package asks for."""

    asker: LockedPackage
    name: str
    spec: str
    names: Names
    specs: Specs
    is_limit: bool = False
    """Whether the other may be away, and only must not be of another version."""

    @property
    def target(self) -> str:
        """The name under which what is asked for moves."""
        is_wheel = self.asker.manager == "pip"
        return self.names.pip(self.name) if is_wheel else self.names.conda(self.name)

    def __call__(self, side: Side) -> bool:
        there = [row for row in side.rows if self._is_it(row)]
        fitting = [row for row in there if self._is_admitted(row)]
        return len(fitting) < len(there) if self.is_limit else not fitting

    def _is_it(self, row: LockedPackage) -> bool:
        if self.asker.manager == "pip":
            return self.names.of(row) == self.target
        return row.manager == "conda" and row.name == self.name

    def _is_admitted(self, row: LockedPackage) -> bool:
        # What cannot be read is no reason to keep two packages together.
        return self.specs.admits(self.spec, row, asker=self.asker.manager) is not False

    def told(self, side: Side) -> str:
        """Say what was asked for and what is there."""
        verb = "goes with" if self.is_limit else "needs"
        wanted = f"{self.name} {self.spec}".rstrip()
        found = f"found {side}" if side.rows else "found none"
        return f"{self.asker.name} {self.asker.version} {verb} {wanted}, {found}"


def _asked_by(side: Side, way: Way, specs: Specs) -> Iterator[_Unmet]:
    for row in side.rows:
        for name, spec in row.dependencies.items():
            yield _Unmet(row, name, spec, way.names, specs)
        for name, spec in way.limits.get(row.url, ()):
            yield _Unmet(row, name, spec, way.names, specs, is_limit=True)


# --- what cannot stand side by side ---------------------------------------------------------------


def _by_clashes(way: Way) -> Iterator[tuple[str, str, str]]:
    moves = [move for move in way.moves if _has_role(move.before) or _has_role(move.after)]
    for place, one in enumerate(moves):
        for other in moves[place + 1 :]:
            if _clash(one.before, other.before) or _clash(one.after, other.after):
                continue  # one of the locks lives with it
            if told := _clash(one.after, other.before):
                yield one.name, other.name, told
            if told := _clash(one.before, other.after):
                yield other.name, one.name, told


def _has_role(side: Side) -> bool:
    return any(role_of(row) != Role() for row in side.rows)


def _clash(one: Side, other: Side) -> str | None:
    pairs = ((row, beside) for row in one.rows for beside in other.rows)
    return next((told for pair in pairs if (told := clash(*pair))), None)


# --- a whole environment --------------------------------------------------------------------------


_Fault = tuple[object, str]
"""What it is about, whatever stands on the other side, and the words for it."""


def known_faults(way: Way, specs: Specs) -> frozenset[object]:
    """Return what is wrong with the packages of either lock; that is given."""
    whole = [move.name for move in way.moves]
    return frozenset(what for moved in ((), whole) for what, _ in _faults(way, moved, specs))


def new_faults(
    way: Way, moved: Collection[str], specs: Specs, known: Collection[object]
) -> tuple[str, ...]:
    """Return what is wrong with the packages after some moves, without what is known.

    It does not trust the links: what came out is read as if somebody else had chosen it.
    """
    found = dict.fromkeys(_faults(way, moved, specs))
    return tuple(told for what, told in found if what not in known)


def _faults(way: Way, moved: Collection[str], specs: Specs) -> Iterator[_Fault]:
    sides = sides_of(way, moved)
    rows = [row for side in sides for row in side.rows]
    by_name: dict[str, list[LockedPackage]] = {}
    for row in rows:
        by_name.setdefault(way.names.of(row), []).append(row)
    for unmet in (each for side in sides for each in _asked_by(side, way, specs)):
        there = Side(rows=tuple(by_name.get(unmet.target, ())))
        if unmet(there):
            asker = unmet.asker
            yield (asker.manager, asker.url, unmet.name, unmet.spec), unmet.told(there)
    for one, other, told in clashes(rows):
        yield frozenset([way.names.of(one), way.names.of(other)]), told


def reasons_within(step: Step, links: Links) -> Sequence[str]:
    """Return why the moves of a step can only be made together, a reason for each link in it."""
    return tuple(
        dict.fromkeys(
            reason
            for name in sorted(step.names)
            for other, reason in sorted(links.get(name, {}).items())
            if other in step.names
        )
    )
