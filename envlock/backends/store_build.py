"""One environment, from its sources to a sealed folder that is not yet in its place.

Numbered as in the contract of the store:

1. conda packages are linked by rattler, with the final prefix in them; the scripts that are allowed
   run;
2. bytecode that no earlier build has left is compiled, by this environment's Python;
3. wheels and bytecode are linked;
4. `conda-meta` is rewritten canonically;
5. everything is hashed, made read-only and given one time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from envlock.backends.bytecode import compile_sources
from envlock.backends.link_files import Linker, TreeDamagedError, is_sealed, refuse_escape
from envlock.backends.link_scripts import ScriptRunner, find_scripts
from envlock.backends.link_wheel import PythonPlace, WheelLinker
from envlock.backends.rattler_link import (
    CondaSource,
    drop_clobbered,
    link_conda,
    read_linked,
    write_canonical_meta,
)
from envlock.backends.store_sources import Source, SourceTrees
from envlock.backends.store_trees import Known, seal_tree
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
    _altered: frozenset[str] = frozenset()
    """Files of packages that a post-link script has changed or removed."""
    _site: str = ""
    """Where Python's packages lie; empty where there is no Python."""

    def run(self) -> Built:
        """Fill the staging folder. Raises `ArchiveError`, `StoreError` and `WorldError`."""
        self.staging.mkdir()
        conda = [each for each in self.sources if each[0].kind is ArtifactKind.CONDA]
        wheels = [each for each in self.sources if each[0].kind is ArtifactKind.WHEEL]
        self._learn(conda)
        self._link_conda(conda)
        self._run_scripts(conda)
        linker = Linker(str(self.staging), self._known)
        place = self._place(conda)
        if place is None and wheels:
            raise StoreError(
                "the lock has wheels and no Python to link them for\nNothing was installed.",
                hints=["add Python to the stack, or build with `--python host`"],
            )
        names = [source.name for _, source in self.sources]
        if place is not None:
            self._site = place.site
            if self.derivation.interpreter:
                _write_venv(linker, self.derivation.interpreter, place, self.derivation.name)
            names += self._link_python(linker, place, conda, wheels)
        if conda:
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
        self.say(f"linking {len(conda)} conda packages")
        link_conda(
            [CondaSource(artifact=artifact, tree=source.path) for artifact, source in conda],
            self.staging,
            self.prefix,
            self.derivation.platform,
        )
        self._notes += _collision_notes(drop_clobbered(self.staging))
        self._linked = read_linked(self.staging)

    def _run_scripts(self, conda: Sequence[tuple[Artifact, Source]]) -> None:
        scripts, notes = find_scripts(conda, self.derivation.link_scripts)
        if scripts:
            self.say(f"running {len(scripts)} post-link scripts")
        runner = ScriptRunner(staging=self.staging, prefix=self.prefix, known=self._known)
        self._altered, messages = runner.run(scripts)
        self._notes += [*notes, *messages]

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
        placed: list[tuple[Source, Mapping[str, str], set[str]]] = []
        rewritten: set[str] = set()
        for artifact, source in conda:
            targets, as_packed, changed = self._conda_sources(artifact, source, place)
            placed.append((source, targets, as_packed))
            rewritten |= changed
        for _, source in wheels:
            wheel = WheelLinker(source.path, source.name, source.entries)
            wheel.link(linker, place)
            files = dict(wheel.sources(place))
            placed.append((source, files, set(files.values())))
        python = self._python(place)
        identity = self._python_identity()
        for source, targets, as_packed in placed:
            sources = {path: target for path, target in targets.items() if path.endswith(".py")}
            if sources:
                bytecode = self._bytecode(python, identity, source, sources)
                self._link_bytecode(linker, bytecode, sources, as_packed)
                yield bytecode.name
        late = sorted(path for path in rewritten if path.endswith(".py"))
        for path in late:
            _remove_shipped(self.staging, path)
        compile_sources(python, self.staging, late, self.staging)
        self._notes += _collision_notes(linker.collisions)

    def _conda_sources(
        self, artifact: Artifact, source: Source, place: PythonPlace
    ) -> tuple[Mapping[str, str], set[str], set[str]]:
        """Return where a package's sources go, and two sets of targets.

        The first are those that lie there as they were packed. The second have to be compiled
        where they lie now: they are rewritten, or are links to what may be.
        """
        library = place.site.rpartition("/")[0] + "/"
        rows = {str(row["_path"]): row for row in self._linked.get(f"{_stem(artifact)}.json", [])}
        changed = {
            path
            for path, row in rows.items()
            if row.get("prefix_placeholder") and path.startswith(library)
        }
        targets: dict[str, str] = {}
        as_packed: set[str] = set()
        for entry in source.entries:
            path = entry.path
            target = f"{place.site}/{path[14:]}" if path.startswith("site-packages/") else path
            if not path.endswith(".py") or not target.startswith(library):
                continue
            if entry.kind is EntryKind.FILE:
                targets[path] = target
            if target not in rows or target in changed:
                continue
            if entry.kind is EntryKind.FILE and target not in self._altered:
                as_packed.add(target)
            elif os.path.isfile(f"{self.staging}/{target}"):
                changed.add(target)
        return targets, as_packed, changed

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

    def _bytecode(
        self, python: Path, identity: str, source: Source, sources: Mapping[str, str]
    ) -> Source:
        """Return the bytecode of all of an artifact's sources, whatever this build takes of it."""
        name = f"bytecode-{source.name.removeprefix('artifact-')}-{identity[:32]}"
        found = self.trees.find(name)
        if found is not None:
            return found
        self.say(f"compiling {len(sources):,} Python files, once for this Python")
        return self.trees.make(name, lambda staging: _compile(python, source, sources, staging))

    def _link_bytecode(
        self,
        linker: Linker,
        bytecode: Source,
        sources: Mapping[str, str],
        as_packed: set[str],
    ) -> None:
        for entry in bytecode.entries:
            if entry.kind is not EntryKind.FILE:
                continue
            folder, _, file = entry.path.rpartition("/__pycache__/")
            if not folder and entry.path.startswith("__pycache__/"):
                file = entry.path.removeprefix("__pycache__/")
            stem = file.removesuffix(".pyc").rpartition(".")[0]  # `a.b.cpython-311.pyc` of `a.b.py`
            target = sources.get(f"{folder}/{stem}.py" if folder else f"{stem}.py")
            if target is None or target not in as_packed:
                continue
            path = f"{target.rpartition('/')[0]}/__pycache__/{file}"
            place = linker.place(path)
            if os.path.lexists(place):  # shipped with the package: made for other times of files
                os.unlink(place)
            linker.link(bytecode.name, f"{bytecode.path}/{entry.path}", entry, path)

    # --- sealing ----------------------------------------------------------------------------------

    def _seal(self, trees: Sequence[str]) -> Built:
        self.say("hashing and sealing")
        host = self.derivation.interpreter
        entries = seal_tree(self.staging, self._known)
        allowed = frozenset({host.executable} if host else ())
        refuse_escape(str(self.staging), iter(entries), allowed)
        return Built(
            entries=entries,
            content_sha256=content_digest(entries, self._restored(entries)),
            trees=trees,
            notes=self._notes,
        )

    def _restored(self, entries: Sequence[TreeEntry]) -> Mapping[str, TreeEntry]:
        """Return the entries that the prefix has changed, as they are without it."""
        placeholders = dict(self._placeholders())
        restored: dict[str, TreeEntry] = {}
        for entry in entries:
            if entry.kind is not EntryKind.FILE:
                continue
            placeholder = placeholders.get(entry.path)
            path = f"{self.staging}/{entry.path}"
            if placeholder is None and self._known.digest(os.lstat(path)) is not None:
                continue
            with open(path, "rb") as file:
                content = file.read()
            if placeholder is None:
                content = restore_text(content, self.prefix, OWN_PLACEHOLDER)
            else:
                content = placeholder.restore(content, self.prefix, entry.path)
            restored[entry.path] = _with_content(entry, content)
        return restored

    def _placeholders(self) -> Iterator[tuple[str, _Placeholder]]:
        """Yield the files that rattler has put the prefix into."""
        for artifact, source in self.sources:
            for row in self._linked.get(f"{_stem(artifact)}.json", []):
                if row.get("prefix_placeholder"):
                    yield (
                        str(row["_path"]),
                        _Placeholder(
                            text=str(row["prefix_placeholder"]),
                            is_binary=row.get("file_mode") == "binary",
                            tree=source.path,
                            site=self._site,
                        ),
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placeholder:
    """What stands for the prefix in one file of a package."""

    text: str
    is_binary: bool
    tree: Path
    """Where the package is unpacked."""
    site: str

    def restore(self, content: bytes, prefix: str, path: str) -> bytes:
        """Return what the package has for a file of the environment."""
        if self.is_binary:
            return restore_binary(content, prefix, self.text)
        return restore_text(content, prefix, self.text, self._original(path))

    def _original(self, path: str) -> bytes | None:
        candidates = [path, f"python-scripts/{path.removeprefix('bin/')}"]
        if self.site:
            candidates.append(f"site-packages/{path.removeprefix(f'{self.site}/')}")
        for candidate in candidates:
            place = self.tree / candidate
            if place.is_file():
                return place.read_bytes()
        return None


def _with_content(entry: TreeEntry, content: bytes) -> TreeEntry:
    digest = sha256(content).hexdigest()
    return replace(entry, sha256=digest, size_bytes=len(content))


def _stem(artifact: Artifact) -> str:
    return artifact.file_name.removesuffix(".conda").removesuffix(".tar.bz2")


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


def _compile(python: Path, source: Source, sources: Mapping[str, str], staging: Path) -> None:
    staging.mkdir()
    compile_sources(python, source.path, sources, staging)


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
