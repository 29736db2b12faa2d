"""A lock's packages of one platform as a graph: who needs whom, from where it all hangs, and why.

A node is a name. Conda names stand for themselves, PyPI names carry the prefix `pypi:`, since one
lock can hold both `numpy`. A name that is needed and not locked is an edge to nowhere: a virtual
package such as `__glibc`, or a hole in the lock.

Wishes are read from the inputs that a lock's head records, so they are what the lock was solved
for and not what the stack says today. A foreign lock records none; there the packages that no
other one needs stand in for them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from envlock.model.lock import LockedPackage

PYPI = "pypi:"
_PYPI_RUN = re.compile(r"[-_.]+")


def node_of(package: LockedPackage) -> str:
    """Return the graph's name of a locked package."""
    return f"{PYPI}{_normal(package.name)}" if package.manager == "pip" else package.name


def _normal(name: str) -> str:
    return _PYPI_RUN.sub("-", name).lower()


def is_virtual(name: str) -> bool:
    """Say whether a name stands for a fact about the machine, such as `__cuda`."""
    return name.startswith("__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The packages of one platform."""

    packages: Mapping[str, tuple[LockedPackage, ...]]
    """By name; more than one where the lock repeats a name."""
    needs: Mapping[str, Mapping[str, str]]
    """For each locked name what it asks for: name -> spec, ordered by name."""
    needed_by: Mapping[str, tuple[str, ...]]
    """The other way round, for every name that is asked for, locked or not."""


def make_graph(packages: Iterable[LockedPackage]) -> Graph:
    """Return the graph of one platform's packages."""
    nodes: dict[str, list[LockedPackage]] = {}
    for package in sorted(packages, key=lambda item: (node_of(item), item.version, item.url)):
        nodes.setdefault(node_of(package), []).append(package)
    needs = {name: _needs(name, entries, nodes) for name, entries in nodes.items()}
    needed_by: dict[str, list[str]] = {}
    for name, specs in needs.items():
        for needed in specs:
            needed_by.setdefault(needed, []).append(name)
    return Graph(
        packages={name: tuple(entries) for name, entries in nodes.items()},
        needs=needs,
        needed_by={name: tuple(askers) for name, askers in needed_by.items()},
    )


def _needs(
    name: str, entries: Sequence[LockedPackage], nodes: Collection[str]
) -> Mapping[str, str]:
    found = {
        _target(needed, entry.manager, nodes): spec
        for entry in entries
        for needed, spec in entry.dependencies.items()
    }
    return {needed: found[needed] for needed in sorted(found) if needed != name}


def _target(needed: str, manager: str, nodes: Collection[str]) -> str:
    """Return the node that a dependency means; a PyPI package can lean on a conda one."""
    if manager != "pip":
        return needed
    own = f"{PYPI}{_normal(needed)}"
    return next((name for name in (own, needed, _normal(needed)) if name in nodes), own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that the stack asks for itself."""

    node: str
    spec: str
    """The version range, `*` where any will do."""
    key: str
    """The place in the stack: `dependencies.jupyterlab`."""


FrameworkAsks = Mapping[str, Sequence[str]]
"""The conda packages that each framework asks for, the framework's own first."""

_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"|[^."\[\]]+')
_ESCAPED = re.compile(r"\\(.)")


def wishes_of(
    inputs: Mapping[str, object], platform: str, frameworks: FrameworkAsks
) -> tuple[Wish, ...]:
    """Return what the inputs of a lock's head ask for on a platform, in the order of their keys.

    A platform's own entry counts in place of the stack's.
    """
    shared: dict[tuple[str, str], Wish] = {}
    own: dict[tuple[str, str], Wish] = {}
    for key, value in inputs.items():
        raw = [match.group() for match in _KEY.finditer(key)]
        path = [_unquote(part) for part in raw]
        scope = 2 if path[:2] == ["target", platform] else 0
        wishes = own if scope else shared
        place = ".".join(raw[: scope + 2])
        for wish in _wishes(path[scope:], value, place, frameworks):
            name = (wish.node, path[scope])
            if wish.spec != "*" or name not in wishes:
                wishes[name] = wish
    return tuple({**shared, **own}.values())


def _unquote(part: str) -> str:
    return _ESCAPED.sub(r"\1", part[1:-1]) if part.startswith('"') else part


def _wishes(
    path: Sequence[str], value: object, key: str, frameworks: FrameworkAsks
) -> Iterator[Wish]:
    """Yield the wishes of one input; it gives the version, or another detail of the same wish."""
    spec = str(value) if path[2:] in ([], ["version"]) else "*"
    match path:
        case ["python", "version"]:
            yield Wish(node="python", spec=str(value), key=key)
        case ["gpu", "cuda"]:
            yield Wish(node="cuda-version", spec=f"{value}.*", key=key)
        case ["dependencies", name, *_]:
            yield Wish(node=name, spec=spec, key=key)
        case ["pypi-dependencies", name, *_]:
            yield Wish(node=f"{PYPI}{_normal(name)}", spec=spec, key=key)
        case ["frameworks", name, *_]:
            for place, node in enumerate(frameworks.get(name, (name,))):
                main = not place or node.startswith(PYPI)
                yield Wish(node=node, spec=spec if main else "*", key=key)
        case _:
            pass


def find_roots(graph: Graph, wishes: Iterable[str] = ()) -> tuple[str, ...]:
    """Return where the graph hangs from: wishes that are locked, and what no other package needs.

    Every locked name can be reached from a root. Packages that need each other in a ring which
    nothing else needs are represented by one of them.
    """
    free = [name for name in graph.packages if not graph.needed_by.get(name)]
    roots = sorted({*free, *(name for name in wishes if name in graph.packages)})
    covered = _reach(graph, roots)
    return tuple(sorted([*roots, *_rings(graph, covered)]))


def _rings(graph: Graph, covered: set[str]) -> Iterator[str]:
    """Yield one member of every ring that nothing outside leads to.

    Walking from name to name, the first visited member of such a ring is always a starting point;
    going back through the starting points drops those that a later one leads to.
    """
    seen = set(covered)
    starts = []
    for name in graph.packages:
        if name not in seen:
            starts.append(name)
            seen |= _reach(graph, [name], seen)
    kept: set[str] = set()
    for name in reversed(starts):
        if name not in kept:
            kept |= _reach(graph, [name], kept)
            yield name


def _reach(graph: Graph, starts: Iterable[str], known: Collection[str] = ()) -> set[str]:
    found = {name for name in starts if name not in known}
    waiting = list(found)
    while waiting:
        for needed in graph.needs[waiting.pop()]:
            if needed in graph.packages and needed not in found and needed not in known:
                found.add(needed)
                waiting.append(needed)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A chain of needs from a root to a package: each asks for the next."""

    nodes: tuple[str, ...]
    specs: tuple[str, ...]
    """One fewer than nodes: what each asks of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The shortest chains from one root."""

    root: str
    length: int
    """How many needs lie in between; 0 when the root is the package itself."""
    count: int
    """How many chains of this length there are, which can be far more than are listed."""
    ways: tuple[Way, ...]


def find_ways(graph: Graph, target: str, roots: Collection[str], limit: int) -> tuple[Ways, ...]:
    """Return the shortest ways from each root to a name, the nearest root first.

    A way ends at the first root that it meets: what lies above, that root explains. So a root from
    which every way leads through another one is left out. At most `limit` ways are listed for each
    root; all of them are counted. The target need not be locked.
    """
    starts = {name for name in roots if name in graph.packages}
    far = _distances(graph, target, starts)
    counts: dict[str, int] = {target: 1}
    for name in sorted(far, key=far.__getitem__):
        if name != target:
            counts[name] = sum(counts[step] for step in _steps(graph, name, far, starts, target))
    found = [
        Ways(
            root=name,
            length=far[name],
            count=counts[name],
            ways=tuple(islice(_walk(graph, name, far, starts, target), limit)),
        )
        for name in starts
        if name in far
    ]
    return tuple(sorted(found, key=lambda item: (item.length, item.root)))


def _distances(graph: Graph, target: str, starts: Collection[str]) -> dict[str, int]:
    far = {target: 0}
    waiting = deque([target])
    while waiting:
        name = waiting.popleft()
        if name in starts and name != target:
            continue
        for asker in graph.needed_by.get(name, ()):
            if asker not in far:
                far[asker] = far[name] + 1
                waiting.append(asker)
    return far


def _steps(
    graph: Graph, name: str, far: Mapping[str, int], starts: Collection[str], target: str
) -> Iterator[str]:
    """Yield the next names on the shortest ways from a name down to the target."""
    for needed in graph.needs[name]:
        passable = needed == target or needed not in starts
        if passable and far.get(needed, len(far)) == far[name] - 1:
            yield needed


def _walk(
    graph: Graph, root: str, far: Mapping[str, int], starts: Collection[str], target: str
) -> Iterator[Way]:
    """Yield the shortest ways one after the other, in the order of the names."""
    waiting: list[tuple[str, ...]] = [(root,)]
    while waiting:
        nodes = waiting.pop()
        if nodes[-1] == target:
            specs = tuple(graph.needs[one][other] for one, other in pairwise(nodes))
            yield Way(nodes=nodes, specs=specs)
            continue
        steps = [(*nodes, step) for step in _steps(graph, nodes[-1], far, starts, target)]
        waiting.extend(reversed(steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One line of a dependency tree."""

    node: str
    spec: str | None
    """What the package above asks; None for a root."""
    last: tuple[bool, ...]
    """For each level whether the branch that leads here is the last of its siblings."""
    repeated: bool
    """It stands above with all that hangs from it, so that is left out here."""
    locked: bool


def walk_tree(graph: Graph, roots: Sequence[str], *, depth: int | None = None) -> Iterator[Branch]:
    """Yield the tree below the roots, top down. Virtual packages are left out.

    What hangs from a package is shown where it is met first; a ring ends where it closes.
    """
    shown: set[str] = set()
    waiting: list[tuple[str, str | None, tuple[bool, ...]]]
    waiting = [(name, None, ()) for name in reversed(roots)]
    while waiting:
        name, spec, last = waiting.pop()
        below = _visible_needs(graph, name)
        repeated = bool(below) and name in shown
        yield Branch(
            node=name, spec=spec, last=last, repeated=repeated, locked=name in graph.packages
        )
        if repeated or (depth is not None and len(last) >= depth):
            continue
        shown.add(name)
        names = list(below)
        waiting.extend(
            (needed, below[needed], (*last, needed == names[-1])) for needed in reversed(names)
        )


def _visible_needs(graph: Graph, name: str) -> Mapping[str, str]:
    needs = graph.needs.get(name, {})
    return {needed: spec for needed, spec in needs.items() if not is_virtual(needed)}
