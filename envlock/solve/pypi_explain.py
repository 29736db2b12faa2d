"""Why the PyPI half has no answer, in the words of the stack.

As for the conda half, the resolver's own words are not parsed; it is asked again. What is relaxed
one by one: the stack's own lines, the constraints of the NVIDIA family, and the distributions that
conda provides. Where the smallest set meets is found from what each of its lines brings by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from msgspec.structs import replace
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envlock.errors import NoSolutionError, PinError
from envlock.model.pypi import FixedPoint, PypiAnswer, PypiAsk, PypiConflict, PypiQuestion
from envlock.solve.conflict import smallest_conflict

Resolve = Callable[[PypiQuestion], PypiAnswer | PypiConflict]
Versions = Callable[[str], Sequence[str]]
"""The versions that the index has of a distribution."""
Part = PypiAsk | FixedPoint
_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """Somebody's requirement on a distribution."""

    who: str
    name: str
    specifiers: str
    """PEP 440, `*` for any version."""

    def __str__(self) -> str:
        versions = "" if self.specifiers == _ANY else f" {self.specifiers}"
        return f"{self.who} needs {self.name}{versions}"


def conflicting_parts(question: PypiQuestion, resolve: Resolve) -> tuple[Part, ...]:
    """Return the smallest part of a question that has no answer by itself.

    Empty where only what cannot be relaxed is left: the platform and the interpreter.
    """
    parts: list[Part] = [*question.asks, *question.constraints, *question.fixed]

    def conflicts(relaxed: Sequence[Part]) -> bool:
        return isinstance(resolve(_without(question, relaxed)), PypiConflict)

    # Most conflicts need no fixed point and no constraint: those are many, and each costs a run.
    for kinds in ((question.constraints, question.fixed), (question.fixed,), ()):
        dropped: list[Part] = [part for kind in kinds for part in kind]
        if conflicts(dropped):
            left = [part for part in parts if part not in dropped]
            return smallest_conflict(left, lambda relaxed, d=dropped: conflicts([*d, *relaxed]))  # type: ignore[misc]
    return ()


def explain_pypi(
    headline: str,
    question: PypiQuestion,
    conflict: PypiConflict,
    resolve: Resolve,
    versions: Versions,
) -> NoSolutionError:
    """Return the error for a PyPI question without an answer.

    Where the index can no longer be asked (a recording holds what one run asked and no more), the
    stack's lines stand there with the resolver's words.
    """
    try:
        core = conflicting_parts(question, resolve)
        meeting = _meeting(question, core, resolve, versions) if len(core) > 1 else []
    except PinError:
        core, meeting = question.asks, []
    if len(core) == 1 or not meeting:
        meeting = [
            *meeting,
            *_words(conflict if len(core) != 1 else _alone(question, core, resolve)),
        ]
    lines = [headline, *_told(core, question), *meeting, "No lock was written."]
    hint = "relax one of those lines" if len(core) > 1 else "ask for less, or for another version"
    return NoSolutionError("\n".join(lines), hints=[hint], detail=conflict.resolver_message)


def _told(core: Sequence[Part], question: PypiQuestion) -> list[str]:
    where = f"on {question.platform} with Python {question.python}"
    if len(core) == 1 and isinstance(core[0], PypiAsk):
        return [f"  nothing on the index meets {_line(core[0])} {where}"]
    return ["  these cannot all hold:", *(f"    {_line(part)}" for part in _once(core))]


def _once(core: Sequence[Part]) -> Iterable[Part]:
    """Leave out constraints that say the same in the words of the stack."""
    seen: set[str] = set()
    for part in core:
        if _line(part) not in seen:
            seen.add(_line(part))
            yield part


def _line(part: Part) -> str:
    if isinstance(part, FixedPoint):
        return f"`{part.name} {part.version}` of the conda half ({part.package})"
    return f"`{part.wish}` ({part.where})"


def _words(conflict: PypiAnswer | PypiConflict) -> list[str]:
    if isinstance(conflict, PypiAnswer):
        return []
    lines = [line.strip() for line in conflict.resolver_message.splitlines()]
    kept = [line.removeprefix("cause: ") for line in lines if line and not line.startswith("error")]
    return ["  the resolver says:", *(f"    {line}" for line in kept)] if kept else []


def _alone(
    question: PypiQuestion, core: Sequence[Part], resolve: Resolve
) -> PypiAnswer | PypiConflict:
    return resolve(_only(question, core))


def _meeting(
    question: PypiQuestion, core: Sequence[Part], resolve: Resolve, versions: Versions
) -> list[str]:
    """Name the distributions on which the lines of a core want different versions."""
    sides = [_demands(question, part, resolve) for part in core]
    names = sorted({item.name for side in sides for item in side})
    lines: list[str] = []
    for name in names:
        of_name = [[item for item in side if item.name == name] for side in sides]
        clash = _clash([side for side in of_name if side], versions(name))
        if clash:
            lines.append(f"  they meet at {name}:")
            lines += [f"    {item}" for item in clash]
    return lines[:_MOST_LINES]


_MOST_LINES = 12


def _demands(question: PypiQuestion, part: Part, resolve: Resolve) -> list[Demanded]:
    """Return what one part wants of every distribution that it reaches by itself."""
    if isinstance(part, FixedPoint):
        who = f"the conda half ({part.package})"
        return [Demanded(who=who, name=part.name, specifiers=f"=={part.version}")]
    own = _specifiers(part.requirement)
    found = [Demanded(who=f"`{part.wish}`", name=part.name, specifiers=own)] if own else []
    if part not in question.asks:
        return found
    answer = resolve(_only(question, [part]))
    if isinstance(answer, PypiConflict):
        return found
    found += [
        Demanded(who=f"{item.name} {item.version}", name=name, specifiers=specifiers)
        for item in answer.distributions
        for name, specifiers in item.depends
    ]
    return found


def _specifiers(requirement: str) -> str:
    from packaging.requirements import Requirement  # noqa: PLC0415 - a failing solve only

    return ",".join(sorted(map(str, Requirement(requirement).specifier)))


def _clash(sides: Sequence[Sequence[Demanded]], versions: Sequence[str]) -> list[Demanded]:
    """Return one demand of each of two sides that no version meets together.

    One of them is met by itself: what nothing at all meets is no disagreement.
    """
    pairs = (
        (one, other)
        for left, right in combinations(sides, 2)
        for one, other in product(left, right)
    )
    for pair in pairs:
        if not _meets(pair, versions) and any(_meets([item], versions) for item in pair):
            return list(pair)
    return []


def _meets(demands: Iterable[Demanded], versions: Sequence[str]) -> bool:
    try:
        named = (item.specifiers for item in demands if item.specifiers != _ANY)
        wanted = SpecifierSet(",".join(named), prereleases=True)
    except InvalidSpecifier:
        return True
    return any(wanted.contains(version) for version in versions if _is_version(version))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _without(question: PypiQuestion, relaxed: Sequence[Part]) -> PypiQuestion:
    kept: Mapping[str, tuple[Part, ...]] = {
        "asks": tuple(item for item in question.asks if item not in relaxed),
        "constraints": tuple(item for item in question.constraints if item not in relaxed),
        "fixed": tuple(item for item in question.fixed if item not in relaxed),
    }
    return replace(question, **kept)


def _only(question: PypiQuestion, core: Sequence[Part]) -> PypiQuestion:
    parts: list[Part] = [*question.asks, *question.constraints, *question.fixed]
    return _without(question, [part for part in parts if part not in core])
