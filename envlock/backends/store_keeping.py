"""Everything that looks after a store on a disk, behind one port."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path

from envlock.backends.disk_store import DiskStore
from envlock.backends.store_gc import StoreCollector
from envlock.backends.store_locks import held
from envlock.backends.store_profiles import DiskProfiles
from envlock.backends.store_trees import (
    disk_errors,
    hide,
    read_manifest,
    read_tree,
    reseal,
    sweep,
    write_manifest,
)
from envlock.backends.store_usage import measure
from envlock.backends.store_verify import StoreVerifier
from envlock.errors import StoreError
from envlock.model.keeping import STRAY, Collecting, Damage, Depth, Part, Usage, Verification
from envlock.model.keeping import Collection as Collected
from envlock.model.store import Artifact, BuildPlan, Environment
from envlock.model.tree import Difference, TreeEntry
from envlock.ports.reporter import Reporter
from envlock.ports.store import Needs
from envlock.store.tree import format_tree, tree_digest

_READ_ONLY = 0o444
_UNPACKED = "artifact-"


class DiskKeeping:
    """One store, looked after. Implements `ports.keeping.Keeping`."""

    def __init__(self, store: DiskStore, profiles: DiskProfiles) -> None:
        self._store = store
        self._layout = store.layout
        self._profiles = profiles

    @property
    def root(self) -> str:
        """Return the folder that all of the store lies in."""
        return str(self._layout.root)

    def environments(self) -> tuple[Environment, ...]:
        """Return all valid environments, the oldest first."""
        return self._store.environments()

    def artifacts_of(self, label: str) -> tuple[Artifact, ...]:
        """Return what an environment was made of."""
        return self._store.artifacts_of(label)

    def artifact(self, sha256: str) -> Artifact | None:
        """Return what is known of an archive that an environment was made of."""
        with self._store.database() as database:
            return database.artifact(sha256)

    def shown(self) -> frozenset[str]:
        """Return the digests of all artifacts of stacks that folders of the store show."""
        return frozenset().union(*self._store.data.all().values())

    def unpacked_bytes(self) -> Mapping[str, int]:
        """Return the bytes of every artifact that is unpacked, by digest."""
        with self._store.database() as database:
            sizes = database.tree_sizes()
        return {
            name.removeprefix(_UNPACKED): size
            for name, size in sizes.items()
            if name.startswith(_UNPACKED)
        }

    def usage(self, reporter: Reporter) -> Usage:
        """Return what lies on the disk."""
        reporter.step("measuring the store")
        with disk_errors("the store cannot be measured"):
            return measure(self._store)

    def collect(self, asked: Collecting, reporter: Reporter) -> Collected:
        """Let go of what no root reaches. Raises `WorldError`."""
        return StoreCollector(self._store, self._profiles).collect(asked, reporter)

    def verify(
        self, labels: Collection[str] | None, depth: Depth, reporter: Reporter
    ) -> Verification:
        """Look at environments and what they are made of, at everything without `labels`."""
        return StoreVerifier(self._store, self._profiles, depth).verify(labels, reporter)

    # --- repairing --------------------------------------------------------------------------------

    def mend(self, damage: Damage) -> None:
        """Undo in place what needs no content: what was added, modes and times."""
        with disk_errors(f"{damage.name} cannot be mended"):
            if damage.part is Part.ARTIFACT:
                self._store.artifacts.path_of(damage.name).chmod(_READ_ONLY)
                return
            path = self._path(damage)
            with held(self._layout.locks / f"{damage.name}.lock"):
                added = {
                    each.path for each in damage.differences if each.difference is Difference.ADDED
                }
                touched = {each.path for each in damage.differences} - added
                reseal(path, self._manifest(damage), added, touched)

    def drop(self, damage: Damage) -> None:
        """Take away an archive, a stray, or a tree that is made anew when it is needed."""
        with disk_errors(f"{damage.name} cannot be removed"):
            if damage.part is Part.TREE:
                with held(self._layout.locks / f"{damage.name}.lock"):
                    with self._store.database() as database:
                        database.remove_trees([damage.name])
                    hidden = hide(self._path(damage))
            else:
                hidden = hide(self._path(damage))
            if hidden is not None:
                sweep(hidden)

    def restore_manifest(self, tree_sha256: str) -> bool:
        """Write a manifest anew from a tree that is as it was; say whether there is one."""
        with self._store.database() as database:
            environments = database.environments(self._layout.environments)
            trees = database.trees()
        with contextlib.suppress(StoreError):
            read_manifest(self._layout, tree_sha256)
            return True
        places = [Path(each.path) for each in environments if each.tree_sha256 == tree_sha256]
        places += [self._layout.trees / name for name in trees if trees[name] == tree_sha256]
        self._layout.manifest(tree_sha256).unlink(missing_ok=True)
        return any(self._restore_from(place, tree_sha256) for place in places)

    def _restore_from(self, place: Path, tree_sha256: str) -> bool:
        try:
            entries = read_tree(place)
            found = tree_digest(format_tree(entries))
        except (OSError, StoreError):
            return False
        if found != tree_sha256:
            return False
        with disk_errors("the manifest cannot be written"):
            write_manifest(self._layout, entries)
        return True

    def unpack_anew(self, artifact: Artifact, needs: Needs) -> None:
        """Unpack an archive of the store again, in place of its tree."""
        self._store.unpack_anew(artifact, needs)

    def remake(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> None:
        """Build a valid environment again and let it change places with what lies there."""
        self._store.remake(plan, needs, reporter)

    # ----------------------------------------------------------------------------------------------

    def _manifest(self, damage: Damage) -> tuple[TreeEntry, ...]:
        with self._store.database() as database:
            if damage.part is Part.TREE:
                digest = database.tree(damage.name)
            else:
                row = database.environment(damage.name, self._layout.environments)
                digest = row.tree_sha256 if row else None
        if digest is None:
            raise StoreError(f"{damage.name} is not in the store any more")
        return read_manifest(self._layout, digest)

    def _path(self, damage: Damage) -> Path:
        match damage.part:
            case Part.ENVIRONMENT:
                return self._layout.environments / damage.name
            case Part.TREE:
                return self._layout.trees / damage.name
            case Part.ARTIFACT if damage.problem == STRAY:
                return self._store.artifacts.root / damage.name
            case Part.ARTIFACT:
                return self._store.artifacts.path_of(damage.name)
            case Part.MANIFEST:
                return self._layout.manifest(damage.name)
            case Part.PROFILE | Part.DATABASE:
                raise AssertionError(damage.part)
