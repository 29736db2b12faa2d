"""Where two demands meet: the chain of needs from each to one package that both bind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from envlock.model.package import Package
from envlock.model.question import Ask, Question
from envlock.solve.oracle import Oracle, version_key
from envlock.solve.view import View

_CHAIN = 4
"""How many steps of needs are followed."""
_TOLD = 4
"""How many alternatives of one need are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """What one wish leaves to choose from of a name, and how it comes to need that name."""

    owner: str
    chain: tuple[str, ...]
    """The needs from the owner to the name; empty when the wish is about the name itself."""
    records: frozenset[Package]

    def __str__(self) -> str:
        return f"`{self.owner}` needs {', which needs '.join(self.chain)}"


def find_meeting(
    view: View, question: Question, names: frozenset[str], oracle: Oracle
) -> list[str]:
    """Show where demands on some names meet: two needs of one package that nothing meets both.

    Follows the newest version that each wish could get, and of each need, over all its builds; so
    it may find nothing, but what it says holds for those versions. Where a need has no record at
    all, that is told instead.
    """
    walk = _Walk(view, question, oracle, decided=names)
    needs: list[Mapping[str, _Need]] = []
    for ask in question.asks:
        if ask.name in names:
            found, unmet = walk.follow(ask)
            if unmet:
                return [str(unmet)]
            needs.append(found)
    for ask in question.constraints:
        if ask.name in names:
            records = frozenset(oracle.matching(ask.spec))
            needs.append({ask.name: _Need(owner=ask.name, chain=(), records=records)})
    return _first_contradiction(needs) or _first_gap(needs)


def _first_contradiction(needs: Sequence[Mapping[str, _Need]]) -> list[str]:
    met = [
        (one[name], other[name])
        for one, other in combinations(needs, 2)
        for name in one
        if name in other
        and _is_known(one[name])
        and _is_known(other[name])
        and not one[name].records & other[name].records
    ]
    if not met:
        return []
    pair = min(met, key=lambda two: len(two[0].chain) + len(two[1].chain))
    return [str(need) for need in pair if need.chain]


def _is_known(need: _Need) -> bool:
    """Say whether a need is of something that there is; a wish is told whatever there is."""
    return bool(need.records) or not need.chain


def _first_gap(needs: Sequence[Mapping[str, _Need]]) -> list[str]:
    gaps = [need for found in needs for need in found.values() if need.chain and not need.records]
    if not gaps:
        return []
    return [f"{min(gaps, key=lambda need: len(need.chain))}, which the pin does not hold"]


class _Walk:
    """Follows wishes through their needs, over builds that the rest of the question allows."""

    def __init__(
        self, view: View, question: Question, oracle: Oracle, *, decided: frozenset[str]
    ) -> None:
        self._view = view
        self._oracle = oracle
        self._machine = {item.name: item.version for item in question.virtual_packages}
        self._others = {
            ask.name: frozenset(oracle.matching(ask.spec))
            for ask in question.asks
            if ask.name not in decided
        }
        """What the wishes outside the conflict leave to choose from."""

    def follow(self, ask: Ask) -> tuple[Mapping[str, _Need], _Need | None]:
        """Follow a wish, nearest needs first.

        Returns what it needs by name, and a need of the machine that none of its builds has met.
        """
        fitting = self._view.visible(self._oracle.matching(ask.spec))
        needs = {ask.name: _Need(owner=ask.wish, chain=(), records=frozenset(fitting))}
        if not fitting:
            return needs, None
        possible = [package for package in fitting if not self._unmet(package)]
        newest = _newest(possible or fitting)
        owner = f"{newest.name} {newest.version}"
        if not possible:
            unmet = f"`{self._unmet(newest)}`"
            return needs, _Need(owner=owner, chain=(unmet,), records=frozenset())
        waiting: deque[tuple[Sequence[Package], tuple[str, ...]]] = deque()
        waiting.append((_of_newest_version(possible), ()))
        while waiting:
            packages, path = waiting.popleft()
            for name, specs in _shared_needs(packages).items():
                if name in needs:
                    continue
                records = {r for spec in specs for r in self._oracle.matching(spec)}
                chain = (*path, _alternatives(specs))
                visible = self._view.visible(sorted(records, key=lambda item: item.url))
                needs[name] = _Need(owner=owner, chain=chain, records=frozenset(visible))
                allowed = [package for package in visible if self._is_allowed(package)]
                if allowed and len(chain) < _CHAIN and name not in self._others:
                    waiting.append((_of_newest_version(allowed), chain))
        return needs, None

    def _unmet(self, package: Package) -> str | None:
        """Return the need of the machine that keeps a build from being chosen at all."""
        for spec in package.depends:
            name, _, wanted = spec.partition(" ")
            if name.startswith("__") and (
                name not in self._machine
                or (wanted and not self._view.admits(wanted.split(" ")[0], self._machine[name]))
            ):
                return spec
        return None

    def _is_allowed(self, package: Package) -> bool:
        """Say whether the machine and the wishes outside the conflict leave a build possible."""
        if self._unmet(package):
            return False
        pairs = ((spec.partition(" ")[0], spec) for spec in package.depends)
        return all(
            self._others[name].intersection(self._oracle.matching(spec))
            for name, spec in pairs
            if name in self._others
        )


def _shared_needs(builds: Sequence[Package]) -> Mapping[str, list[str]]:
    """Return what every one of some builds needs: name -> the different specs, in their order."""
    found: dict[str, dict[str, None]] = {}
    for package in builds:
        for spec in package.depends:
            name = spec.partition(" ")[0]
            if not name.startswith("__"):
                found.setdefault(name, {})[spec] = None
    return {
        name: list(specs)
        for name, specs in found.items()
        if all(any(d.partition(" ")[0] == name for d in package.depends) for package in builds)
    }


def _alternatives(specs: Sequence[str]) -> str:
    told = " or ".join(f"`{spec}`" for spec in specs[:_TOLD])
    return f"{told} or {len(specs) - _TOLD} others" if len(specs) > _TOLD else told


def _of_newest_version(packages: Sequence[Package]) -> list[Package]:
    """Return all builds of the newest version: one build's need is not the version's."""
    newest = _newest(packages)
    return [package for package in packages if package.version == newest.version]


def _newest(packages: Iterable[Package]) -> Package:
    return max(packages, key=lambda item: (version_key(item.version), item.build_number))
