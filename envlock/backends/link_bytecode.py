"""Bytecode beside the sources that it was compiled from, in an environment that is being built.

One tree of bytecode belongs to one artifact and one Python, and holds the bytecode of all of the
artifact's sources, whatever an environment takes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from envlock.backends.bytecode import WORKERS, compile_sources
from envlock.backends.link_files import Linker
from envlock.backends.store_sources import Source, SourceTrees
from envlock.model.tree import EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where the files of one unpacked artifact have gone."""

    source: Source
    targets: Mapping[str, str]
    """By a file's path in the artifact."""
    as_packed: Collection[str]
    """The targets that lie there as they were packed: bytecode of the packed source fits them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Bytecode that is wanted: its tree's name, and where each source has gone."""

    name: str
    placed: Placed
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BytecodeLinker:
    """Links bytecode of one Python, compiled where it is missing."""

    python: Path
    identity: str
    """Names the Python in full: 64 hex digits."""
    trees: SourceTrees
    say: Callable[[str], None]

    def link(self, placed: Sequence[Placed], linker: Linker) -> Iterator[str]:
        """Have the bytecode of packages linked; what is missing is compiled first, all at once.

        Yields the names of the trees.
        """
        wanted = list(self._wanted(placed))
        for item, bytecode in zip(wanted, self._made(wanted), strict=True):
            _link(linker, bytecode, item)
            yield bytecode.name

    def _wanted(self, placed: Sequence[Placed]) -> Iterator[_Wanted]:
        for each in placed:
            sources = {path: to for path, to in each.targets.items() if path.endswith(".py")}
            if sources:
                name = f"bytecode-{each.source.name.removeprefix('artifact-')}-{self.identity[:32]}"
                yield _Wanted(name=name, placed=each, sources=sources)

    def _made(self, wanted: Sequence[_Wanted]) -> list[Source]:
        """Return the trees in the order in which they are wanted."""
        found = {item.name: self.trees.find(item.name) for item in wanted}
        missing = [item for item in wanted if found[item.name] is None]
        if missing:
            files = sum(len(item.sources) for item in missing)
            packages = f"{len(missing)} packages" if len(missing) > 1 else "a package"
            self.say(f"compiling {files:,} Python files of {packages}, once for this Python")
        missing.sort(key=lambda item: len(item.sources), reverse=True)
        with ThreadPoolExecutor(WORKERS) as pool:
            found.update({source.name: source for source in pool.map(self._compile, missing)})
        return [source for item in wanted if (source := found[item.name]) is not None]

    def _compile(self, item: _Wanted) -> Source:
        def fill(staging: Path) -> None:
            staging.mkdir()
            compile_sources(self.python, item.placed.source.path, item.sources, staging)

        return self.trees.make(item.name, fill)


def _link(linker: Linker, bytecode: Source, item: _Wanted) -> None:
    """Have bytecode put beside its sources; what a package ships was made for other times."""
    for entry in bytecode.entries:
        if entry.kind is not EntryKind.FILE:
            continue
        folder, _, file = entry.path.rpartition("/")  # `a/__pycache__/b.cpython-311.pyc`
        folder = folder.removesuffix("__pycache__")
        stem = file.removesuffix(".pyc").rpartition(".")[0]
        target = item.sources.get(f"{folder}{stem}.py")
        if target is None or target not in item.placed.as_packed:
            continue
        path = f"{target.rpartition('/')[0]}/__pycache__/{file}"
        linker.link(bytecode.name, f"{bytecode.path}/{entry.path}", entry, path, replaces=True)
