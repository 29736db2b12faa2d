"""Bytecode on its way between stores: a tar archive under zstd for each artifact and Python.

Compiling takes longer than all the rest of a build, and what comes of it holds no prefix. A pack is
unpacked with the care that a stranger's archive gets, and its tree is valid only when it has the
digest that was signed.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from envlock.backends.disk_store import DiskStore
from envlock.backends.store_sources import Source
from envlock.backends.store_trees import EPOCH_SECONDS, Known, read_manifest
from envlock.backends.unpack_conda import unpack_zstd
from envlock.backends.unpack_tree import Tree
from envlock.errors import DepotError
from envlock.model.depot import DepotBytecode
from envlock.model.tree import EntryKind, TreeEntry
from envlock.ports.depot import PackedBytecode
from envlock.ports.store import Needs
from envlock.store.tree import format_tree, tree_digest

_PREFIX = "bytecode-"
_LEVEL = 9
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


class StoreBytecode:
    """Implements `ports.depot.Bytecode`."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store

    @contextlib.contextmanager
    def packed(self, label: str) -> Iterator[Sequence[PackedBytecode]]:
        """Pack what an environment was linked from; see the port."""
        with TemporaryDirectory(prefix="envlock-push-") as folder:
            yield tuple(_pack(source, digest, folder) for source, digest in self._sources(label))

    def _sources(self, label: str) -> Iterable[tuple[Source, str]]:
        layout = self._store.layout
        with self._store.database() as database:
            names, digests = database.trees_of(label), database.trees()
        for name in sorted(names):
            if name.startswith(_PREFIX) and self.has(name):
                entries = read_manifest(layout, digests[name])
                yield Source(name=name, path=layout.trees / name, entries=entries), digests[name]

    def has(self, tree: str) -> bool:
        """Say whether a tree of bytecode is here; see the port."""
        with self._store.database() as database:
            is_valid = database.tree(tree) is not None
        return is_valid and (self._store.layout.trees / tree).is_dir()

    def admit(self, bytecode: DepotBytecode, needs: Needs) -> None:
        """Unpack a pack that is among the archives; see the port."""
        archive = self._store.artifacts.path_of(bytecode.sha256)
        self._store.trees_for(needs).make(
            bytecode.tree, lambda staging: _unpack(bytecode, archive, staging)
        )
        self._store.artifacts.remove(bytecode.sha256)


def _pack(source: Source, tree_sha256: str, folder: str) -> PackedBytecode:
    path = Path(folder, source.name)
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    with (
        path.open("wb") as file,
        compressor.stream_writer(file, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in source.entries:
            _add(archive, entry, source.path)
    content = path.read_bytes()
    bytecode = DepotBytecode(
        tree=source.name,
        tree_sha256=tree_sha256,
        sha256=sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    return PackedBytecode(bytecode=bytecode, path=str(path))


def _add(archive: tarfile.TarFile, entry: TreeEntry, tree: Path) -> None:
    member = tarfile.TarInfo(entry.path)
    member.mtime = EPOCH_SECONDS
    if entry.kind is EntryKind.FOLDER:
        member.type, member.mode = tarfile.DIRTYPE, _FOLDER_MODE
        archive.addfile(member)
        return
    content = (tree / entry.path).read_bytes()
    if sha256(content).hexdigest() != entry.sha256:
        raise DepotError(
            f"`{entry.path}` in {tree.name} was changed after it was sealed\nIt was not pushed.",
            hints=["`envlock store repair` puts back what was there"],
        )
    member.size, member.mode = len(content), _FILE_MODE
    archive.addfile(member, io.BytesIO(content))


def _unpack(bytecode: DepotBytecode, archive: Path, staging: Path) -> Known:
    """Unpack a pack if it is the one that was signed. Raises `DepotError`, `ArchiveError`."""
    known = Known()
    staging.mkdir()
    with archive.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        tree = Tree(staging, bytecode.tree, packed_bytes=size_bytes, known=known)
        with tree.refusing_damage():
            unpack_zstd(file, tree)
    found = tree_digest(format_tree(tree.entries()))
    strange = [
        entry.path
        for entry in tree.entries()
        if entry.kind is EntryKind.LINK
        or (entry.kind is EntryKind.FILE and not entry.path.endswith(".pyc"))
    ]
    if found != bytecode.tree_sha256 or strange:
        raise DepotError(
            f"{bytecode.tree} is not the bytecode that was signed\n"
            f"  expected tree sha256: {bytecode.tree_sha256}\n"
            f"  received tree sha256: {found}\n"
            + (f"  and `{strange[0]!a}` is no bytecode\n" if strange else "")
            + "It was thrown away.",
            hints=["push it again from a store that has it: `envlock push LOCK URL`"],
        )
    return known
