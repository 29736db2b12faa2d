"""Why a question has no answer, in the words of the stack.

The solver's own message names records that nobody asked for. So the cause is found by asking
again: first whether each wish alone is in the pin at all, then for the smallest set of wishes that
cannot hold together (QuickXplain: Junker, AAAI 2004), relaxing the rest. What the pin has instead
comes from its records.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Protocol

from envlock.compat.components import component_of, line_of
from envlock.errors import NoSolutionError
from envlock.formats.channel import channel_name
from envlock.model.package import Package, Variant
from envlock.model.pin import Origin
from envlock.model.question import Ask, Question, VirtualPackage
from envlock.model.stack import ChannelPriority, Stack
from envlock.model.version import parse_dotted
from envlock.solve.question import OBSERVED_HINT
from envlock.solve.view import PinView, visible

_SHOWN = 6
"""How many versions or builds a message lists before it says how many more there are."""
_CHAIN = 4
"""How many steps of dependencies are followed to show where two wishes meet."""
_ENOUGH = {
    "__cuda": "99",
    "__cuda_arch": "99",
    "__glibc": "2.99",  # packages ask for less than 3
    "__linux": "99",
    "__osx": "99",
    "__win": "99",
}
"""Versions of the virtual packages that satisfy every lower bound."""


class Oracle(Protocol):
    """What the explanation may ask about one platform of a pin."""

    def conflicts(self, question: Question) -> bool:
        """Say whether a question has no answer."""
        ...

    def names(self) -> frozenset[str]:
        """Return every package name of the platform."""
        ...

    def matching(self, spec: str) -> tuple[Package, ...]:
        """Return the records that a match spec admits."""
        ...

    def builds(self, name: str) -> tuple[Variant, ...]:
        """Return all builds of a name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Element:
    """One thing that a question insists on, and the question without it."""

    text: str
    names: frozenset[str]
    relax: Callable[[Question], Question]
    hint: str | None = None


def explain(stack: Stack, question: Question, view: PinView, oracle: Oracle) -> NoSolutionError:
    """Return the error for a question that the solver could not answer."""
    lines, hints = _alone(stack, question, view, oracle)
    if not lines:
        lines, hints = _together(stack, question, view, oracle)
    if view.origin is Origin.OBSERVED:
        hints = [*hints, OBSERVED_HINT.format(file=stack.python.where.file)]
    body = "\n".join(f"  {line}" for line in lines)
    told = {
        Origin.OBSERVED: f"no solution for {stack.name} on {question.platform} "
        f"in this partial view (observed pin {view.digest[:12]})",
        Origin.LIVE: f"{stack.name} cannot be satisfied on {question.platform} "
        f"(live pin {view.digest[:12]})",
    }[view.origin]
    return NoSolutionError(
        f"{told}\n{body}\nNo lock was written.",
        hints=list(dict.fromkeys(hints)),
    )


def _alone(
    stack: Stack, question: Question, view: PinView, oracle: Oracle
) -> tuple[list[str], list[str]]:
    """Name the wishes that nothing in the pin meets, whatever else is asked."""
    lines: list[str] = []
    hints: list[str] = []
    names = oracle.names()
    for ask in question.asks:
        if ask.name not in names:
            lines.extend(_not_there(ask, view.origin))
            hints.extend(_near(ask, names))
        elif not oracle.matching(ask.spec):
            lines.extend(_no_such_build(stack, ask, oracle))
            hints.append(f"ask for one of those, or for less: {ask.where}")
    return lines, hints


def _not_there(ask: Ask, origin: Origin) -> list[str]:
    told = {
        Origin.OBSERVED: f"`{ask.name}` is not among the records that were collected",
        Origin.LIVE: f"`{ask.name}` is in none of the channels",
    }[origin]
    return [told, f"  {ask.where} asks for `{ask.wish}`"]


def _near(ask: Ask, names: Iterable[str]) -> list[str]:
    near = difflib.get_close_matches(ask.name, sorted(names), n=1, cutoff=0.8)
    return [f"did you mean `{near[0]}`?"] if near else []


def _no_such_build(stack: Stack, ask: Ask, oracle: Oracle) -> list[str]:
    present = oracle.builds(ask.name)
    versions = oracle.matching(_without_build(ask))
    shown = visible(stack, present) or present
    if not versions:
        told = f"no version of `{ask.name}` meets `{ask.wish}`"
        has = f"the pin has {ask.name} {_list_versions(shown)}"
    else:
        told = f"no build of `{ask.name}` meets `{ask.wish}`"
        has = f"the pin has builds {_list(sorted({item.build for item in versions}))}"
    return [told, f"  {ask.where}", f"  {has}"]


def _without_build(ask: Ask) -> str:
    return ask.spec.partition("[build=")[0]


def _list_versions(packages: Iterable[Variant]) -> str:
    return _list(sorted({item.version for item in packages}, key=_version_key, reverse=True))


def _version_key(version: str) -> tuple[tuple[int, ...], str]:
    try:
        return parse_dotted(version), version
    except ValueError:
        return (), version


def _list(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _together(
    stack: Stack, question: Question, view: PinView, oracle: Oracle
) -> tuple[list[str], list[str]]:
    """Name the smallest set of wishes that cannot hold together, and where they meet."""
    elements = _elements(stack, question, oracle)
    core = _smallest_conflict(question, elements, oracle)
    lines = ["these cannot all hold:", *(f"  {element.text}" for element in core)]
    lines.extend(_meetings(stack, question, core, view, oracle))
    hints = [element.hint for element in core if element.hint]
    return lines, hints or ["relax one of those lines"]


def _elements(stack: Stack, question: Question, oracle: Oracle) -> list[_Element]:
    return [
        *(_ask_element(ask) for ask in question.asks),
        *(_constraint_element(stack, ask, oracle) for ask in question.constraints),
        *(_virtual_element(item) for item in _relaxable(question)),
        *_rules(question),
    ]


def _ask_element(ask: Ask) -> _Element:
    def relax(question: Question) -> Question:
        return replace(question, asks=tuple(item for item in question.asks if item is not ask))

    return _Element(text=f"`{ask.wish}` ({ask.where})", names=frozenset([ask.name]), relax=relax)


def _constraint_element(stack: Stack, ask: Ask, oracle: Oracle) -> _Element:
    def relax(question: Question) -> Question:
        kept = tuple(item for item in question.constraints if item is not ask)
        return replace(question, constraints=kept)

    text, hint = f"`{ask.wish}`, if it is installed ({ask.where})", None
    component = component_of(ask.name)
    if component and stack.gpu:
        offered = visible(stack, oracle.builds(ask.name))
        lines = {str(line_of(ask.name, item.version) or item.version) for item in offered}
        if str(stack.gpu.cuda) not in lines:
            text += f"; the pin has it of CUDA {_list(sorted(lines))}"
            hint = _line_hint(component)
    return _Element(text=text, names=frozenset([ask.name]), relax=relax, hint=hint)


def _line_hint(component: str) -> str:
    if component == "cuda-version":
        return "move `gpu.cuda` to a line that the pin has"
    return (
        f'let it be newer: `newer-components = ["{component}"]` under [gpu] '
        "(allowed within one CUDA major)"
    )


def _relaxable(question: Question) -> tuple[VirtualPackage, ...]:
    found = tuple(item for item in question.virtual_packages if item.name in _ENOUGH)
    if any(item.name == "__cuda" for item in found):
        return found
    return (*found, VirtualPackage(name="__cuda", version="0"))


def _virtual_element(item: VirtualPackage) -> _Element:
    def relax(question: Question) -> Question:
        kept = tuple(other for other in question.virtual_packages if other.name != item.name)
        return replace(
            question, virtual_packages=(*kept, replace(item, version=_ENOUGH[item.name], build="0"))
        )

    if item.because:
        text = f"`{item.name}` is {item.version} ({item.because})"
    else:
        text = f"there is no `{item.name}`: this is not a CUDA stack on this platform"
        cpu = "add a [gpu] table, or choose a build without CUDA"
        return _Element(text=text, names=frozenset([item.name]), relax=relax, hint=cpu)
    hint = {
        "__cuda": "raise `fleet.driver` (or `gpu.cuda`), or choose builds for an older CUDA",
        "__glibc": "raise `fleet.glibc` if every machine has a newer one",
        "__osx": "raise `fleet.macos` if every machine has a newer one",
        "__cuda_arch": "drop the oldest GPU from `gpu.compute`, or choose older builds",
    }.get(item.name)
    return _Element(text=text, names=frozenset([item.name]), relax=relax, hint=hint)


def _rules(question: Question) -> list[_Element]:
    rules: list[_Element] = []
    if question.as_of_ms is not None:
        rules.append(
            _Element(
                text="only builds up to the date given with `--as-of`",
                names=frozenset(),
                relax=partial(replace, as_of_ms=None),
                hint="choose a later `--as-of`",
            )
        )
    if question.priority is ChannelPriority.STRICT and len(question.channels) > 1:
        order = ", ".join(channel_name(channel) for channel in question.channels)
        rules.append(
            _Element(
                text=f"strict channel priority: the first of {order} that has a name is "
                "the only one asked for it",
                names=frozenset(),
                relax=partial(replace, priority=ChannelPriority.DISABLED),
                hint="reorder `stack.channels`, name the channel of the dependency, or set "
                '`channel-priority = "disabled"`',
            )
        )
    return rules


def _smallest_conflict(
    question: Question, elements: Sequence[_Element], oracle: Oracle
) -> list[_Element]:
    def conflicts(kept: Sequence[_Element]) -> bool:
        asked = question
        for element in elements:
            if element not in kept:
                asked = element.relax(asked)
        return oracle.conflicts(asked)

    def search(
        fixed: Sequence[_Element],
        added: bool,
        rest: Sequence[_Element],  # noqa: FBT001
    ) -> list[_Element]:
        if added and conflicts(fixed):
            return []
        if len(rest) == 1:
            return list(rest)
        middle = len(rest) // 2
        first, second = rest[:middle], rest[middle:]
        of_second = search([*fixed, *first], bool(first), second)
        of_first = search([*fixed, *of_second], bool(of_second), first)
        return [*of_first, *of_second]

    found = search([], False, elements)
    return [element for element in elements if element in found]


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


def _meetings(
    stack: Stack, question: Question, core: Sequence[_Element], view: PinView, oracle: Oracle
) -> list[str]:
    """Show where the wishes of a conflict meet: two needs of one name that nothing meets both."""
    names = frozenset(name for element in core for name in element.names)
    bound = {item.name: item.version for item in question.virtual_packages if item.name in names}
    needs: list[Mapping[str, _Need]] = []
    for ask in question.asks:
        if ask.name in names:
            found, unmet = _follow(stack, ask, bound, view, oracle)
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
    stack: Stack, ask: Ask, bound: Mapping[str, str], view: PinView, oracle: Oracle
) -> tuple[Mapping[str, _Need], _Need | None]:
    """Follow the newest fitting build of a wish through its needs, nearest first.

    Returns what it needs by name, and the first need of a virtual package that is not met.
    """
    fitting = visible(stack, oracle.matching(ask.spec))
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
                records = visible(stack, oracle.matching(dependency))
                needs[name] = _Need(owner=owner, chain=chain, records=frozenset(records))
                if records and len(chain) < _CHAIN:
                    waiting.append((_newest(records), chain))
    return needs, None


def _newest(packages: Iterable[Package]) -> Package:
    return max(packages, key=lambda item: (_version_key(item.version), item.build_number))
