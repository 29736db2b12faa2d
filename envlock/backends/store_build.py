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

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from envlock.backends.bytecode import compile_sources
from envlock.backends.link_bytecode import BytecodeLinker, Placed
from envlock.backends.link_check import check_rewritten
from envlock.backends.link_files import Linker, TreeDamagedError, is_sealed, refuse_escape
from envlock.backends.link_scripts import ScriptRunner, find_scripts
from envlock.backends.link_wheel import PythonPlace, WheelLinker
from envlock.backends.restore_content import restored_entries
from envlock.backends.store_sources import Source, SourceTrees
from envlock.backends.store_trees import Known, seal
from envlock.errors import StoreError
from envlock.model.store import Artifact, ArtifactKind, Derivation, Interpreter
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.conda_paths import CondaPlacing, refuse_takeovers
from envlock.store.content import content_digest

_HOST_SCRIPTS = ("python", "python3")
_NO_SITE = "lib/python3/site-packages"


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
        place = self._place(conda)
        self._learn(conda, place.site if place else _NO_SITE)
        self._link_conda(conda)
        self._run_scripts(conda)
        linker = Linker(str(self.staging), self._known)
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
            from envlock.backends.rattler_link import write_canonical_meta  # noqa: PLC0415 - heavy

            write_canonical_meta(self.staging)
        return self._seal(names)

    # --- conda ------------------------------------------------------------------------------------

    def _learn(self, conda: Sequence[tuple[Artifact, Source]], site: str) -> None:
        """Check that sources are as they were sealed, and remember their files by inode."""
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
        refuse_takeovers([_placing(artifact, source) for artifact, source in conda], site)

    def _link_conda(self, conda: Sequence[tuple[Artifact, Source]]) -> None:
        if not conda:
            return
        from envlock.backends.rattler_link import (  # noqa: PLC0415 - heavy
            CondaSource,
            drop_clobbered,
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
        self._notes += _collision_notes(drop_clobbered(self.staging))
        self._linked = read_linked(self.staging)
        for artifact, source in conda:
            check_rewritten(self.staging, self.prefix, self._rows(artifact), source.path)

    def _rows(self, artifact: Artifact) -> list[dict[str, Any]]:
        """Return what rattler says that it linked of a package."""
        stem = artifact.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
        return self._linked.get(f"{stem}.json", [])

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
        placed: list[Placed] = []
        rewritten: set[str] = set()
        for artifact, source in conda:
            found, changed = self._conda_sources(artifact, source, place)
            placed.append(found)
            rewritten |= changed
        for _, source in wheels:
            wheel = WheelLinker(source.path, source.name, source.entries)
            targets = wheel.link(linker, place)
            as_packed = frozenset(targets.values())
            placed.append(Placed(source=source, targets=targets, as_packed=as_packed))
        python = self._python(place)
        bytecode = BytecodeLinker(
            python=python, identity=self._python_identity(), trees=self.trees, say=self.say
        )
        yield from bytecode.link(placed, linker)
        linker.finish()
        late = sorted(path for path in rewritten if path.endswith(".py"))
        for path in late:  # a link that compiling would write through must be gone before
            _remove_shipped(linker, path)
        compile_sources(python, self.staging, late, self.staging)
        self._notes += _collision_notes(linker.collisions)

    def _conda_sources(
        self, artifact: Artifact, source: Source, place: PythonPlace
    ) -> tuple[Placed, set[str]]:
        """Return where a package's sources go, and what has to be compiled where it lies now.

        The latter are rewritten for the prefix, or are links to what may be.
        """
        library = place.site.rpartition("/")[0] + "/"
        rows = {str(row["_path"]): row for row in self._rows(artifact)}
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
        return Placed(source=source, targets=targets, as_packed=as_packed), changed

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

    # --- sealing ----------------------------------------------------------------------------------

    def _seal(self, trees: Sequence[str]) -> Built:
        self.say("hashing and sealing")
        host = self.derivation.interpreter
        sealed = seal(self.staging, self._known)
        allowed = frozenset({host.executable} if host else ())
        refuse_escape(sealed.entries, allowed)
        linked = [
            (source.path, self._rows(artifact))
            for artifact, source in self.sources
            if artifact.kind is ArtifactKind.CONDA
        ]
        restored = restored_entries(sealed, self.staging, self.prefix, self._site, linked)
        return Built(
            entries=sealed.entries,
            content_sha256=content_digest(sealed.entries, restored),
            trees=trees,
            notes=self._notes,
        )


def _python_place(prefix: str, version: str, site: str) -> PythonPlace:
    return PythonPlace(prefix=prefix, version=version, program=f"bin/python{version}", site=site)


def _site_of(source: Source, version: str) -> str:
    """Return where the package `python` says that packages go; CEP 17 lets it say so."""
    from envlock.backends.unpack_conda import read_conda_identity  # noqa: PLC0415 - of conda alone

    return read_conda_identity(source.path).site or f"lib/python{version}/site-packages"


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


def _remove_shipped(linker: Linker, path: str) -> None:
    """Remove a source's bytecode; the folder that it lies in is no link to elsewhere."""
    folder, _, name = path.rpartition("/")
    cache = os.path.dirname(linker.place(f"{folder}/__pycache__/{name}".lstrip("/")))
    for shipped in os.listdir(cache):
        if shipped.startswith(f"{name.removesuffix('.py')}.cpython-") and shipped.endswith(".pyc"):
            os.unlink(f"{cache}/{shipped}")


def _placing(artifact: Artifact, source: Source) -> CondaPlacing:
    from envlock.backends.unpack_conda import read_conda_identity  # noqa: PLC0415 - of conda alone

    identity = read_conda_identity(source.path)
    return CondaPlacing(
        file_name=artifact.file_name,
        is_noarch_python=identity.is_noarch_python,
        commands=identity.commands,
        entries=source.entries,
    )


def _collision_notes(paths: Sequence[str]) -> Iterator[str]:
    if paths:
        shown = ", ".join(sorted(paths)[:3]) + (" …" if len(paths) > 3 else "")  # noqa: PLR2004
        yield f"{len(paths)} files come from two packages with different content: {shown}"
