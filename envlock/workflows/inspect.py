"""The stories of `show` and `why`: what a lock holds, and which wish brought a package into it.

Both read the lock alone, ours or any other unified one. What else lies beside makes them say more
and never less: the index pin has the sizes, the stack has the lines of the wishes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from envlock.errors import EnvlockError, LockError
from envlock.formats.conda_lock import read_lock
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, LockedPackage, lock_path
from envlock.model.lock import lock_of as lock_of  # noqa: PLC0414 - asked for here as well
from envlock.ports.pins import Pins
from envlock.ports.recordings import Recordings
from envlock.ports.workspace import Workspace
from envlock.solve.difference import Archive, parse_archive, platforms_of
from envlock.solve.freshness import INPUTS
from envlock.solve.graph import (
    PYPI,
    FrameworkAsks,
    Graph,
    Ways,
    Wish,
    find_roots,
    find_ways,
    is_virtual,
    make_graph,
    wishes_of,
)
from envlock.workflows.lock_sizes import Sizes, read_sizes

_LOCK_ENDING = lock_path("")
_SLIP = 0.81
"""Two true platforms are at most 0.8 alike."""


# --- the lock -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLock:
    """A lock and where it was read."""

    path: str
    lock: Lock
    stack_path: str | None
    """The stack beside it, None where there is none."""


def open_lock(path: str, workspace: Workspace) -> OpenedLock:
    """Read a lock by its own path or its stack's.

    Raises `InputFileError` when the file is missing, `LockError` when it is not a unified lock.
    """
    place = lock_of(path)
    if place != path and not workspace.exists(place) and workspace.exists(path):
        raise LockError(
            f"{path}: has no lock yet: {place} is missing",
            hints=[f"make it: `envlock solve {path}`"],
        )
    content = workspace.read_bytes(place, limit_bytes=LOCK_LIMIT_BYTES)
    stack = f"{place.removesuffix(_LOCK_ENDING)}.toml" if place.endswith(_LOCK_ENDING) else ""
    return OpenedLock(
        path=place,
        lock=read_lock(content, place),
        stack_path=stack if stack and workspace.exists(stack) else None,
    )


def choose_platforms(opened: OpenedLock, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted platforms of a lock, all when none is named.

    Raises `LockError` for one that the lock does not have.
    """
    present = platforms_of(opened.lock)
    for platform in wanted:
        if platform not in present:
            raise LockError(
                f"{opened.path}: does not lock {platform}: it has {', '.join(present) or 'none'}",
                hints=near_hints(platform, present),
            )
    return tuple(platform for platform in present if not wanted or platform in wanted)


def near_hints(found: str, known: Sequence[str]) -> list[str]:
    """Return the hint at the platform that was mistyped: `linux64`, but not `win-64`, is near."""
    near = get_close_matches(found, known, n=1, cutoff=_SLIP)
    return [f"did you mean `{name}`?" for name in near]


# --- show -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One locked package and what is known of its archive."""

    node: str
    package: LockedPackage
    archive: Archive
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A number of packages and their size as far as it is known."""

    packages: int
    known_bytes: int
    unknown_sizes: int

    @property
    def download_bytes(self) -> int | None:
        """The whole size, None when a part of it is not known."""
        return None if self.unknown_sizes else self.known_bytes


def total_of(rows: Iterable[Row]) -> Total:
    """Add up rows."""
    sizes = [row.size_bytes for row in rows]
    known = [size for size in sizes if size is not None]
    return Total(packages=len(sizes), known_bytes=sum(known), unknown_sizes=len(sizes) - len(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformContent:
    """What a lock holds for one platform."""

    platform: str
    rows: tuple[Row, ...]
    graph: Graph
    roots: tuple[str, ...]
    """The wishes, and what no other package needs."""

    @property
    def channels(self) -> Mapping[str, Total]:
        """The channels that the packages come from, the one with most packages first."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.archive.channel, []).append(row)
        names = sorted(found, key=lambda name: (-len(found[name]), name))
        return {name: total_of(found[name]) for name in names}

    @property
    def repeated(self) -> tuple[str, ...]:
        """The names that are locked more than once, as a bad merge leaves them."""
        packages = self.graph.packages
        return tuple(sorted(name for name, entries in packages.items() if len(entries) > 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a lock holds."""

    opened: OpenedLock
    platforms: tuple[PlatformContent, ...]
    sizes_unknown_because: str | None


def inspect_lock(
    path: str, wanted: Sequence[str], pins: Pins, recordings: Recordings, workspace: Workspace
) -> Inspected:
    """Read a lock, and the sizes where its pin lies beside it."""
    opened = open_lock(path, workspace)
    platforms = choose_platforms(opened, wanted)
    packages = [item for item in opened.lock.packages if item.platform in platforms]
    sizes = read_sizes(opened.lock, packages, pins, recordings, workspace)
    inputs = _inputs(opened, workspace)
    frameworks = _framework_asks(inputs)
    return Inspected(
        opened=opened,
        platforms=tuple(
            _content(opened.lock, platform, sizes, wishes_of(inputs, platform, frameworks))
            for platform in platforms
        ),
        sizes_unknown_because=sizes.unknown_because,
    )


def _content(lock: Lock, platform: str, sizes: Sizes, wishes: Iterable[Wish]) -> PlatformContent:
    graph = make_graph(lock.packages_on(platform))
    return PlatformContent(
        platform=platform,
        rows=tuple(
            Row(
                node=node,
                package=package,
                archive=parse_archive(package),
                size_bytes=sizes.of(package),
            )
            for node, entries in graph.packages.items()
            for package in entries
        ),
        graph=graph,
        roots=find_roots(graph, [wish.node for wish in wishes]),
    )


def _inputs(opened: OpenedLock, workspace: Workspace) -> Mapping[str, object]:
    """Return what the lock was solved for; for a foreign lock what a stack beside it says."""
    recorded = opened.lock.head.facts.get(INPUTS)
    if recorded is None:
        return _read_stack(opened, workspace).inputs
    try:
        value = json.loads(recorded)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _framework_asks(inputs: Mapping[str, object]) -> FrameworkAsks:
    if not any("frameworks." in key for key in inputs):
        return {}
    from envlock.compat.frameworks import framework, known_frameworks  # noqa: PLC0415 - 20 ms
    from envlock.compat.pypi_frameworks import distribution_names  # noqa: PLC0415 - as above

    known = {name: framework(name) for name in known_frameworks()}
    return {
        name: (*facts.asks, *(f"{PYPI}{item}" for item in distribution_names(name)))
        for name, facts in known.items()
        if facts
    }


# --- why ------------------------------------------------------------------------------------------

WAYS_LIMIT = 200
"""So many shortest ways from one root are listed at most; the rest are counted."""
_NEAR_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformReasons:
    """Why a package is on one platform."""

    platform: str
    packages: tuple[LockedPackage, ...]
    """Empty where it is not locked; virtual packages and holes have ways all the same."""
    wishes: tuple[Wish, ...]
    """Those that ask for it directly."""
    ways: tuple[Ways, ...]
    """The shortest ways from the other roots."""
    root_wishes: Mapping[str, tuple[Wish, ...]]
    """The wishes behind each root that is one."""
    versions: Mapping[str, str]
    """Of every package on the ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why a package is in a lock, or that it is not."""

    opened: OpenedLock
    node: str
    platforms: tuple[PlatformReasons, ...]
    places: Mapping[str, str]
    """For keys of the stack file `path:line: key`; empty where it cannot be read."""
    near: tuple[str, ...]
    """Names like it, where it is not locked."""
    asked_anew: tuple[str, ...]
    """Keys of the stack file that ask for it although the lock was solved without them."""
    note: str | None

    @property
    def is_locked(self) -> bool:
        """Whether any of the platforms locks the package."""
        return any(item.packages for item in self.platforms)

    @property
    def is_needed(self) -> bool:
        """Whether a locked package asks for it: true of virtual packages and of holes, too."""
        return any(item.ways for item in self.platforms)

    @property
    def is_answered(self) -> bool:
        """Whether there was a reason to find."""
        return self.is_locked or (self.is_needed and is_virtual(self.node))


def explain_package(name: str, path: str, wanted: Sequence[str], workspace: Workspace) -> Explained:
    """Find every shortest way from a wish to a package."""
    opened = open_lock(path, workspace)
    platforms = choose_platforms(opened, wanted)
    graphs = {item: make_graph(opened.lock.packages_on(item)) for item in platforms}
    node = _find_node(name, graphs.values())
    stack = _read_stack(opened, workspace)
    inputs = _inputs(opened, workspace)
    frameworks = _framework_asks({**inputs, **stack.inputs})
    wishes = {item: wishes_of(inputs, item, frameworks) for item in platforms}
    reasons = tuple(_reasons(node, item, graphs[item], wishes[item]) for item in platforms)
    is_locked = any(item.packages for item in reasons)
    was_asked = any(wish.node == node for item in platforms for wish in wishes[item])
    asked_now = (
        wish.key
        for item in platforms
        for wish in wishes_of(stack.inputs, item, frameworks)
        if wish.node == node
    )
    return Explained(
        opened=opened,
        node=node,
        platforms=reasons,
        places=stack.places,
        near=() if is_locked else _near(node, graphs.values()),
        asked_anew=() if is_locked or was_asked else tuple(dict.fromkeys(asked_now)),
        note=stack.note,
    )


def _find_node(name: str, graphs: Iterable[Graph]) -> str:
    """Return the node that a person means: as written, in lower case, or as a PyPI name."""
    known = {node for graph in graphs for node in (*graph.packages, *graph.needed_by)}
    normal = name.lower().replace("_", "-").replace(".", "-")
    tried = (name, name.lower(), f"{PYPI}{normal.removeprefix(PYPI)}")
    return next((node for node in tried if node in known), name)


def _near(node: str, graphs: Iterable[Graph]) -> tuple[str, ...]:
    known = sorted({found for graph in graphs for found in graph.packages})
    typing_slip = get_close_matches(node, known, n=1, cutoff=0.9)
    return tuple(typing_slip or get_close_matches(node, known, n=_NEAR_NAMES, cutoff=0.7))


def _reasons(node: str, platform: str, graph: Graph, wishes: Sequence[Wish]) -> PlatformReasons:
    locked = [wish for wish in wishes if wish.node in graph.packages]
    asked: dict[str, tuple[Wish, ...]] = {}
    for wish in locked:
        asked[wish.node] = (*asked.get(wish.node, ()), wish)
    found = find_ways(graph, node, find_roots(graph, asked), WAYS_LIMIT)
    ways = tuple(item for item in found if item.root != node)
    named = {name for item in ways for way in item.ways for name in way.nodes}
    return PlatformReasons(
        platform=platform,
        packages=graph.packages.get(node, ()),
        wishes=asked.get(node, ()),
        ways=ways,
        root_wishes={item.root: asked[item.root] for item in ways if item.root in asked},
        versions={name: version_of(graph, name) for name in sorted(named)},
    )


def version_of(graph: Graph, node: str) -> str:
    """Return a node's version for people; several where the lock repeats it, empty if unlocked."""
    versions = dict.fromkeys(item.version for item in graph.packages.get(node, ()))
    return " and ".join(versions)


# --- the stack beside -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _StackBeside:
    inputs: Mapping[str, object] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None


def _read_stack(opened: OpenedLock, workspace: Workspace) -> _StackBeside:
    if opened.stack_path is None:
        return _StackBeside()
    from envlock.formats.stack_toml import LARGEST_BYTES, read_stack  # noqa: PLC0415 - 50 ms

    try:
        content = workspace.read_bytes(opened.stack_path, limit_bytes=LARGEST_BYTES)
        stack = read_stack(content, opened.stack_path)
    except EnvlockError as error:
        reason = str(error).partition("\n")[0]
        return _StackBeside(note=f"the lines of the stack are not named: {reason}")
    places = {key: str(where) for key, where in stack.where.items()}
    return _StackBeside(inputs=stack.inputs, places=places)


def display_name(node: str) -> str:
    """Return a node's name for people: `numpy (PyPI)` for what pip installs."""
    return f"{node.removeprefix(PYPI)} (PyPI)" if node.startswith(PYPI) else node
