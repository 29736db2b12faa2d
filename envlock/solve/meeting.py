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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """What one wish leaves to choose from of a name, and how it comes to need that name."""

    owner: str
    chain: tuple[str, ...]
    """The needs from the owner to the name; empty when the wish is about the name itself."""
    records: frozenset[Package]

    def __str__(self) -> str:
        steps = ", which needs ".join(f"`{step}`" for step in self.chain)
        return f"`{self.owner}` needs {steps}"


def find_meeting(
    view: View, question: Question, names: frozenset[str], oracle: Oracle
) -> list[str]:
    """Show where demands on some names meet: two needs of one package that nothing meets both.

    Follows the newest fitting build of each wish only, so it may find nothing; it never guesses.
    """
    bound = {item.name: item.version for item in question.virtual_packages if item.name in names}
    needs: list[Mapping[str, _Need]] = []
    for ask in question.asks:
        if ask.name in names:
            found, unmet = _follow(view, ask, bound, oracle)
            if unmet:
                return [str(unmet)]
            needs.append(found)
    for ask in question.constraints:
        if ask.name in names:
            records = frozenset(oracle.matching(ask.spec))
            needs.append({ask.name: _Need(owner=ask.name, chain=(), records=records)})
    return _first_contradiction(needs)


def _first_contradiction(needs: Sequence[Mapping[str, _Need]]) -> list[str]:
    met = [
        (one[name], other[name])
        for one, other in combinations(needs, 2)
        for name in one
        if name in other and not one[name].records & other[name].records
    ]
    if not met:
        return []
    pair = min(met, key=lambda two: len(two[0].chain) + len(two[1].chain))
    return [str(need) for need in pair if need.chain]


def _follow(
    view: View, ask: Ask, bound: Mapping[str, str], oracle: Oracle
) -> tuple[Mapping[str, _Need], _Need | None]:
    """Follow the newest fitting build of a wish through its needs, nearest first.

    Returns what it needs by name, and the first need of a virtual package that is not met.
    """
    fitting = view.visible(oracle.matching(ask.spec))
    needs = {ask.name: _Need(owner=ask.wish, chain=(), records=frozenset(fitting))}
    if not fitting:
        return needs, None
    first = _newest(fitting)
    owner = f"{first.name} {first.version}"
    waiting: deque[tuple[Package, tuple[str, ...]]] = deque([(first, ())])
    while waiting:
        package, path = waiting.popleft()
        for dependency in package.depends:
            name, _, wanted = dependency.partition(" ")
            chain = (*path, dependency)
            if name.startswith("__"):
                if name in bound and wanted and not view.admits(wanted, bound[name]):
                    return needs, _Need(owner=owner, chain=chain, records=frozenset())
            elif name not in needs:
                records = view.visible(oracle.matching(dependency))
                needs[name] = _Need(owner=owner, chain=chain, records=frozenset(records))
                if records and len(chain) < _CHAIN:
                    waiting.append((_newest(records), chain))
    return needs, None


def _newest(packages: Iterable[Package]) -> Package:
    return max(packages, key=lambda item: (version_key(item.version), item.build_number))
