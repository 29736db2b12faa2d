"""One environment, from its sources to a sealed folder that is not yet in its place.

Numbered as in the contract of the store:

1. conda packages are linked by rattler, with the final prefix in them;
2. bytecode that no earlier build has left is compiled, by this environment's Python;
3. wheels and bytecode are linked;
4. `conda-meta` is rewritten canonically;
5. everything is hashed, made read-only and given one time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from envlock.backends.bytecode import WORKERS, compile_sources
from envlock.backends.link_check import check_rewritten
from envlock.backends.link_files import Linker, TreeDamagedError, is_sealed, refuse_escape
from envlock.backends.link_wheel import PythonPlace, WheelLinker
from envlock.backends.store_sources import Source, SourceTrees
from envlock.backends.store_trees import Known, Sealed, seal
from envlock.errors import ArchiveError, StoreError
from envlock.model.store import Artifact, ArtifactKind, Derivation, Interpreter
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.content import (
    OWN_PLACEHOLDER,
    content_digest,
    restore_binary,
    restore_text,
)

_HOST_SCRIPTS = ("python", "python3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was built: sealed, hashed, and still beside its place."""

    entries: Sequence[TreeEntry]
    content_sha256: str
    trees: Sequence[str]
    """The names of the trees that it was linked from."""
    notes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bytecode:
    """Bytecode that is wanted: its tree's name, and where each source of a package has gone."""

    name: str
    source: Source
    sources: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Build:
    """One build. `sources` are in the derivation's order, each with its artifact."""

    derivation: Derivation
    prefix: str
    staging: Path
    sources: Sequence[tuple[Artifact, Source]]
    trees: SourceTrees
    say: Callable[[str], None]
    _known: Known = field(default_factory=Known)
    _linked: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)

    def run(self) -> Built:
        """Fill the staging folder. Raises `ArchiveError`, `StoreError` and `WorldError`."""
        self.staging.mkdir()
        conda = [each for each in self.sources if each[0].kind is ArtifactKind.CONDA]
        wheels = [each for each in self.sources if each[0].kind is ArtifactKind.WHEEL]
        self._learn(conda)
        self._link_conda([(artifact, source) for artifact, source in conda])
        linker = Linker(str(self.staging), self._known)
        place = self._place(conda)
        if place is None and wheels:
            raise StoreError(
                "the lock has wheels and no Python to link them for\nNothing was installed.",
                hints=["add Python to the stack, or build with `--python host`"],
            )
        names = [source.name for _, source in self.sources]
        if place is not None:
            if self.derivation.interpreter:
                _write_venv(linker, self.derivation.interpreter, place, self.derivation.name)
            names += self._link_python(linker, place, conda, wheels)
        if conda:
            from envlock.backends.rattler_link import write_canonical_meta  # noqa: PLC0415 - heavy

            write_canonical_meta(self.staging)
        return self._seal(names)

    # --- conda ------------------------------------------------------------------------------------

    def _learn(self, conda: Sequence[tuple[Artifact, Source]]) -> None:
        """Check that sources are as they were sealed, and remember their files by inode."""
        owner: dict[str, str] = {}
        for _, source in conda:
            for entry in source.entries:
                if entry.kind is EntryKind.FILE:
                    try:
                        status = os.lstat(f"{source.path}/{entry.path}")
                    except FileNotFoundError:
                        raise TreeDamagedError(source.name, entry.path) from None
                    if not is_sealed(status, entry):
                        raise TreeDamagedError(source.name, entry.path)
                    self._known.add(status, entry.sha256)
                elif entry.kind is EntryKind.LINK and not entry.path.startswith("info/"):
                    owner[entry.path] = source.name
        _refuse_ways_through(owner, conda)

    def _link_conda(self, conda: Sequence[tuple[Artifact, Source]]) -> None:
        if not conda:
            return
        from envlock.backends.rattler_link import (  # noqa: PLC0415 - heavy
            CondaSource,
            link_conda,
            read_linked,
        )

        self.say(f"linking {len(conda)} conda packages")
        link_conda(
            [CondaSource(artifact=artifact, tree=source.path) for artifact, source in conda],
            self.staging,
            self.prefix,
            self.derivation.platform,
        )
        self._linked = read_linked(self.staging)
        for artifact, source in conda:
            stem = artifact.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
            rows = self._linked.get(f"{stem}.json", [])
            check_rewritten(self.staging, self.prefix, rows, source.path)

    def _place(self, conda: Sequence[tuple[Artifact, Source]]) -> PythonPlace | None:
        host = self.derivation.interpreter
        if host is not None:
            version = ".".join(host.version.split(".")[:2])
            return _python_place(self.prefix, version, f"lib/python{version}/site-packages")
        for artifact, source in conda:
            if artifact.name == "python":
                version = ".".join(artifact.version.split(".")[:2])
                return _python_place(self.prefix, version, _site_of(source, version))
        return None

    # --- Python -----------------------------------------------------------------------------------

    def _link_python(
        self,
        linker: Linker,
        place: PythonPlace,
        conda: Sequence[tuple[Artifact, Source]],
        wheels: Sequence[tuple[Artifact, Source]],
    ) -> Iterator[str]:
        """Link wheels and bytecode; yields the names of the bytecode's trees."""
        self.say(f"linking {len(wheels)} wheels")
        placed: list[tuple[Source, Mapping[str, str]]] = []
        rewritten: set[str] = set()
        for artifact, source in conda:
            targets, changed = self._conda_sources(artifact, source, place)
            placed.append((source, targets))
            rewritten |= changed
        for _, source in wheels:
            wheel = WheelLinker(source.path, source.name, source.entries)
            placed.append((source, wheel.link(linker, place)))
        python = self._python(place)
        wanted = list(self._wanted_bytecode(placed))
        for item, bytecode in zip(wanted, self._bytecode(python, wanted), strict=True):
            _link_bytecode(linker, bytecode, item.sources)
            yield bytecode.name
        linker.finish()
        late = sorted(path for path in rewritten if path.endswith(".py"))
        for path in late:  # a link that compiling would write through must be gone before
            _remove_shipped(self.staging, path)
        compile_sources(python, self.staging, late, self.staging)
        self._notes += _collision_notes(linker.collisions)

    def _conda_sources(
        self, artifact: Artifact, source: Source, place: PythonPlace
    ) -> tuple[Mapping[str, str], set[str]]:
        """Return where a package's files went, and which of them are rewritten for the prefix."""
        stem = artifact.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
        library = place.site.rpartition("/")[0] + "/"
        rows = {
            str(row["_path"]): row
            for row in self._linked.get(f"{stem}.json", [])
            if str(row["_path"]).startswith(library)
        }
        changed = {path for path, row in rows.items() if row.get("prefix_placeholder")}
        targets: dict[str, str] = {}
        for entry in source.entries:
            path = entry.path
            target = f"{place.site}/{path[14:]}" if path.startswith("site-packages/") else path
            if target in rows and target not in changed:
                targets[path] = target
        return targets, changed

    def _python(self, place: PythonPlace) -> Path:
        host = self.derivation.interpreter
        return Path(host.executable) if host else self.staging / place.program

    def _python_identity(self) -> str:
        """Return what decides the bytes of bytecode beside the sources: the Python, in full."""
        host = self.derivation.interpreter
        if host is not None:
            return sha256(
                f"{host.version} {host.sha256} {host.library_sha256}".encode()
            ).hexdigest()
        return next(artifact.sha256 for artifact, _ in self.sources if artifact.name == "python")

    def _wanted_bytecode(
        self, placed: Sequence[tuple[Source, Mapping[str, str]]]
    ) -> Iterator[_Bytecode]:
        identity = self._python_identity()[:32]
        for source, targets in placed:
            sources = {path: target for path, target in targets.items() if path.endswith(".py")}
            if sources:
                name = f"bytecode-{source.name.removeprefix('artifact-')}-{identity}"
                yield _Bytecode(name=name, source=source, sources=sources)

    def _bytecode(self, python: Path, wanted: Sequence[_Bytecode]) -> list[Source]:
        """Return the bytecode of packages in their order; what is missing is compiled at once."""
        found = {item.name: self.trees.find(item.name) for item in wanted}
        missing = [item for item in wanted if found[item.name] is None]
        if missing:
            files = sum(len(item.sources) for item in missing)
            packages = f"{len(missing)} packages" if len(missing) > 1 else "a package"
            self.say(f"compiling {files:,} Python files of {packages}, once for this Python")
        missing.sort(key=lambda item: len(item.sources), reverse=True)
        with ThreadPoolExecutor(WORKERS) as pool:
            made = pool.map(lambda item: self._compile(python, item), missing)
            found.update({source.name: source for source in made})
        return [source for item in wanted if (source := found[item.name]) is not None]

    def _compile(self, python: Path, item: _Bytecode) -> Source:
        def fill(staging: Path) -> None:
            staging.mkdir()
            compile_sources(python, item.source.path, item.sources, staging)

        return self.trees.make(item.name, fill)

    # --- sealing ----------------------------------------------------------------------------------

    def _seal(self, trees: Sequence[str]) -> Built:
        self.say("hashing and sealing")
        host = self.derivation.interpreter
        sealed = seal(self.staging, self._known)
        allowed = frozenset({host.executable} if host else ())
        refuse_escape(str(self.staging), iter(sealed.entries), allowed)
        return Built(
            entries=sealed.entries,
            content_sha256=content_digest(sealed.entries, self._restored(sealed)),
            trees=trees,
            notes=self._notes,
        )

    def _restored(self, sealed: Sealed) -> Mapping[str, TreeEntry]:
        """Return the entries that the prefix has changed, as they are without it.

        Files that were linked are as their package has them, and are not read.
        """
        placeholders = {
            str(row["_path"]): row
            for rows in self._linked.values()
            for row in rows
            if row.get("prefix_placeholder")
        }
        restored: dict[str, TreeEntry] = {}
        for entry in sealed.entries:
            path = entry.path
            if path in placeholders or path in sealed.read:
                with open(f"{self.staging}/{path}", "rb") as file:
                    restored[path] = self._restore(entry, file.read(), placeholders.get(path))
        return restored

    def _restore(
        self, entry: TreeEntry, content: bytes, row: Mapping[str, Any] | None
    ) -> TreeEntry:
        if row is None:
            content = restore_text(content, self.prefix, OWN_PLACEHOLDER)
        else:
            is_binary = row.get("file_mode") == "binary"
            restore = restore_binary if is_binary else restore_text
            content = restore(content, self.prefix, str(row["prefix_placeholder"]))
        return TreeEntry(
            path=entry.path,
            kind=entry.kind,
            sha256=sha256(content).hexdigest(),
            size_bytes=len(content),
            is_executable=entry.is_executable,
        )


def _python_place(prefix: str, version: str, site: str) -> PythonPlace:
    return PythonPlace(prefix=prefix, version=version, program=f"bin/python{version}", site=site)


def _site_of(source: Source, version: str) -> str:
    """Return where the package `python` says that packages go; CEP 17 lets it say so."""
    index = json.loads((source.path / "info" / "index.json").read_bytes())
    named = index.get("python_site_packages_path")
    return named if isinstance(named, str) and named else f"lib/python{version}/site-packages"


def _write_venv(linker: Linker, host: Interpreter, place: PythonPlace, name: str) -> None:
    """Write what makes a folder a virtual environment (PEP 405)."""
    home = host.executable.rpartition("/")[0]
    lines = {
        "home": home,
        "implementation": host.implementation,
        "version_info": host.version,
        "include-system-site-packages": "false",
        "prompt": name,
        "executable": host.executable,
    }
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    linker.write("pyvenv.cfg", text.encode())
    os.symlink(host.executable, linker.place(place.program))
    for script in _HOST_SCRIPTS:
        os.symlink(place.program.rpartition("/")[2], linker.place(f"bin/{script}"))
    os.makedirs(linker.place(f"{place.site}/x").rpartition("/")[0], exist_ok=True)


def _link_bytecode(linker: Linker, bytecode: Source, sources: Mapping[str, str]) -> None:
    """Have bytecode put beside its sources; what a package ships was made for other times."""
    for entry in bytecode.entries:
        if entry.kind is not EntryKind.FILE:
            continue
        folder, _, file = entry.path.rpartition("/")  # `a/__pycache__/b.cpython-311.pyc`
        folder = folder.removesuffix("__pycache__")
        stem = file.removesuffix(".pyc").rpartition(".")[0]
        target = sources.get(f"{folder}{stem}.py")
        if target is None:
            continue
        path = f"{target.rpartition('/')[0]}/__pycache__/{file}"
        source = f"{bytecode.path}/{entry.path}"
        linker.link(bytecode.name, source, entry, path, replaces=True)


def _remove_shipped(staging: Path, path: str) -> None:
    folder, _, name = path.rpartition("/")
    for shipped in (staging / folder / "__pycache__").glob(f"{name.removesuffix('.py')}.*.pyc"):
        shipped.unlink()


def _refuse_ways_through(
    links: Mapping[str, str], conda: Sequence[tuple[Artifact, Source]]
) -> None:
    """Refuse a file that would be written through a link of another package."""
    if not links:
        return
    for artifact, source in conda:
        for entry in source.entries:
            folder = entry.path.rpartition("/")[0]
            while folder:
                if links.get(folder, source.name) != source.name:
                    raise ArchiveError(
                        f"`{artifact.file_name}` has `{entry.path}`, and `{folder}` is a link of"
                        " another package\nNothing was installed."
                    )
                folder = folder.rpartition("/")[0]


def _collision_notes(paths: Sequence[str]) -> Iterator[str]:
    if paths:
        shown = ", ".join(sorted(paths)[:3]) + (" …" if len(paths) > 3 else "")  # noqa: PLR2004
        yield f"{len(paths)} files come from two packages with different content: {shown}"
