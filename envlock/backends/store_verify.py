"""Holds everything in a store against what it was when it was sealed. Nothing is changed."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from envlock.backends.artifact_files import hash_file
from envlock.backends.disk_store import DiskStore
from envlock.backends.store_layout import HIDDEN
from envlock.backends.store_look import Digests, finish, look
from envlock.backends.store_profiles import DiskProfiles
from envlock.backends.store_trees import disk_errors, read_manifest
from envlock.errors import StoreError
from envlock.model.keeping import (
    LOOSE_ARCHIVE,
    STRAY,
    Damage,
    Depth,
    Part,
    References,
    Verification,
)
from envlock.model.store import Environment
from envlock.model.tree import Difference, EntryDifference, TreeEntry
from envlock.ports.reporter import Reporter
from envlock.store.address import label_of
from envlock.store.generations import parse_link
from envlock.store.liveness import artifact_of
from envlock.store.tree import compare_sealed, format_tree, tree_digest

_READ_ONLY = 0o444
_SHELF_DIGITS = 2


class StoreVerifier:
    """Looks at one store, once."""

    def __init__(self, store: DiskStore, profiles: DiskProfiles, depth: Depth) -> None:
        self._store = store
        self._layout = store.layout
        self._profiles = profiles
        self._depth = depth
        self._digests = Digests()
        self._counts = dict.fromkeys(Part, 0)
        self._files = 0
        self._archive_bytes = 0
        self._damages: list[Damage] = []
        self._manifests: dict[str, Sequence[TreeEntry] | None] = {}

    def verify(self, labels: Collection[str] | None, reporter: Reporter) -> Verification:
        """Look at environments and what they are made of; at everything without `labels`.

        Raises `WorldError` when the disk or the database cannot be read at all.
        """
        with contextlib.closing(self._digests), disk_errors("the store cannot be looked at"):
            with self._store.database() as database:
                environments = database.environments(self._layout.environments)
                references, trees = database.references(), database.trees()
                faults = database.faults()
            chosen = [each for each in environments if labels is None or each.label in labels]
            if labels is not None:
                kept = [references[each.label] for each in chosen]
                trees = _chosen(trees, kept)
            self._look_at_database(faults)
            self._look_at_trees(chosen, trees, reporter)
            self._look_at_artifacts(self._archives(labels, chosen, references), reporter)
            notes: list[str] = []
            if labels is None:
                self._look_at_strays()
                notes += self._look_at_profiles({each.label for each in environments})
                notes += self._leftovers({each.label for each in environments}, trees)
        return Verification(
            counts={part: number for part, number in self._counts.items() if number},
            files=self._files,
            size_bytes=self._digests.size_bytes + self._archive_bytes,
            damages=tuple(self._damages),
            notes=tuple(notes),
        )

    def _add(self, part: Part, name: str, problem: str = "") -> None:
        self._damages.append(Damage(part=part, name=name, problem=problem))

    def _look_at_database(self, faults: Iterable[str]) -> None:
        self._counts[Part.DATABASE] = 1
        for fault in faults:
            self._add(Part.DATABASE, self._layout.database.name, fault)

    # --- trees and environments -------------------------------------------------------------------

    def _look_at_trees(
        self, environments: Sequence[Environment], trees: dict[str, str], reporter: Reporter
    ) -> None:
        total = len(environments) + len(trees)
        for place, (name, digest) in enumerate(trees.items(), 1):
            reporter.step(f"verifying {place} of {total}: {name[:24]}")
            self._look_at_tree(Part.TREE, name, self._layout.trees / name, digest)
        for place, each in enumerate(environments, len(trees) + 1):
            reporter.step(f"verifying {place} of {total}: {each.name}")
            if label_of(each.derivation) != each.label:
                self._add(Part.DATABASE, each.label, "its row tells of another environment")
            elif each.derivation.store_folder != str(self._layout.environments):
                where = each.derivation.store_folder
                self._add(Part.ENVIRONMENT, each.label, f"it was built to lie in {where}")
            self._look_at_tree(Part.ENVIRONMENT, each.label, Path(each.path), each.tree_sha256)

    def _look_at_tree(self, part: Part, name: str, path: Path, digest: str) -> None:
        self._counts[part] += 1
        try:
            sight = look(path)
        except FileNotFoundError:
            self._add(part, name, "it is gone")
            return
        except NotADirectoryError:
            self._add(part, name, "expected a folder, found something else")
            return
        self._files += len(sight.files)
        manifest = self._manifest(digest)
        problem = ""
        digests = self._digests if self._depth is Depth.FULL else None
        if manifest is None:
            entries = finish(sight, path, sight.guesses(), self._digests)
            if not _is_tree(entries, digest):
                problem = "it is not what it was, and its manifest does not tell how"
            manifest = entries
        else:
            entries = finish(sight, path, manifest, digests)
        strange = set(sight.strange)
        differences = compare_sealed(
            [entry for entry in manifest if entry.path not in strange], entries, sight.loose
        )
        named = [*(_strange(path, what) for path, what in sight.strange.items()), *differences]
        if named or problem:
            ordered = tuple(sorted(named, key=lambda each: each.path))
            self._damages.append(Damage(part=part, name=name, problem=problem, differences=ordered))

    def _manifest(self, digest: str) -> Sequence[TreeEntry] | None:
        if digest not in self._manifests:
            self._counts[Part.MANIFEST] += 1
            self._manifests[digest] = None
            try:
                self._manifests[digest] = read_manifest(self._layout, digest)
            except StoreError as error:
                self._add(Part.MANIFEST, digest, error.message.rpartition(": ")[2])
        return self._manifests[digest]

    # --- archives ---------------------------------------------------------------------------------

    def _archives(
        self,
        labels: Collection[str] | None,
        chosen: Sequence[Environment],
        references: dict[str, References],
    ) -> list[str]:
        here = self._store.artifacts.names()
        if labels is None:
            return list(here)
        wanted = frozenset().union(*(references[each.label].artifacts for each in chosen))
        return [digest for digest in here if digest in wanted]

    def _look_at_artifacts(self, digests: Sequence[str], reporter: Reporter) -> None:
        """Look at archives; one that is not there was let go, or its tree is all that is needed."""
        if digests:
            reporter.step(f"verifying {len(digests)} archives")
        self._counts[Part.ARTIFACT] += len(digests)
        with ThreadPoolExecutor() as pool:
            looks = pool.map(self._look_at_archive, digests)
        for digest, (problem, size_bytes) in zip(digests, looks, strict=True):
            self._archive_bytes += size_bytes
            if problem:
                self._add(Part.ARTIFACT, digest, problem)

    def _look_at_archive(self, digest: str) -> tuple[str, int]:
        """Return what is wrong with an archive, and how much of it was read."""
        path = self._store.artifacts.path_of(digest)
        size_bytes = 0
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return "expected a file, found a link or a folder", 0
            mode = stat.S_IMODE(status.st_mode)
            if self._depth is Depth.FULL:
                found = hash_file(path)
                size_bytes = found.size_bytes
                if found.sha256 != digest:
                    return f"its content has sha256 {found.sha256}", size_bytes
        except FileNotFoundError:
            return "", 0  # let go meanwhile
        except OSError as error:
            return f"it cannot be read: {error.strerror or error}", 0
        return ("" if mode == _READ_ONLY else f"{LOOSE_ARCHIVE}: mode {mode:04o}"), size_bytes

    def _look_at_strays(self) -> None:
        """Name what lies among the archives and is none."""
        known = set(self._store.artifacts.names())
        root = self._store.artifacts.root
        for path in sorted(root.glob("sha256/**/*")):
            is_folder = path.is_dir() and not path.is_symlink()
            is_shelf = is_folder and path.parent.parent == root and len(path.name) == _SHELF_DIGITS
            if path.name not in known and not is_shelf and not path.name.startswith(HIDDEN):
                self._add(Part.ARTIFACT, str(path.relative_to(root)), STRAY)

    # --- profiles ---------------------------------------------------------------------------------

    def _look_at_profiles(self, labels: Collection[str]) -> Iterator[str]:
        """Look at every link; yields what a killed process has begun and not ended."""
        generations = self._profiles.generations()
        for each in generations:
            self._counts[Part.PROFILE] += 1
            if each.label not in labels:
                name = f"{each.profile}@{each.number}"
                self._add(Part.PROFILE, name, f"it points to {each.label}, which is not valid")
        current = {each.profile for each in generations if each.is_current}
        named = {each.profile for each in generations}
        pointers: set[str] = set()
        for path in self._layout.profiles.iterdir():
            if path.name.startswith(HIDDEN):
                continue
            if not path.is_symlink():
                self._add(Part.PROFILE, path.name, "expected a link, found a file or a folder")
            elif parse_link(path.name) is None:
                pointers.add(path.name)
        for name in sorted(pointers - current):
            self._add(Part.PROFILE, name, "it points to none of its generations")
        for name in sorted(named - pointers):
            yield (
                f"profile `{name}` was about to be forgotten: `envlock gc --forget {name}` goes "
                f"on, `envlock switch {name} NUMBER` keeps it"
            )

    # --- leftovers --------------------------------------------------------------------------------

    def _leftovers(self, labels: Collection[str], trees: Collection[str]) -> Iterator[str]:
        """Say how much lies there that is nobody's: no fault of the store, and swept by `gc`."""
        count = sum(path.name not in labels for path in self._layout.environments.iterdir())
        count += sum(path.name not in trees for path in self._layout.trees.iterdir())
        if count:
            what = "folder has" if count == 1 else "folders have"
            yield (
                f"{count:,} {what} no row: being made just now, or left by a process that was "
                "killed; `envlock gc` sweeps those away"
            )


def _is_tree(entries: Sequence[TreeEntry], digest: str) -> bool:
    try:
        return tree_digest(format_tree(entries)) == digest
    except StoreError:  # a name that no sealed tree has
        return False


def _strange(path: str, what: str) -> EntryDifference:
    return EntryDifference(
        path=path, difference=Difference.KIND, expected="what was sealed", found=what
    )


def _chosen(trees: dict[str, str], kept: Iterable[References]) -> dict[str, str]:
    wanted: set[str] = set()
    artifacts: set[str] = set()
    for each in kept:
        wanted |= each.trees
        artifacts |= each.artifacts
    return {
        name: digest
        for name, digest in trees.items()
        if name in wanted or artifact_of(name) in artifacts
    }
